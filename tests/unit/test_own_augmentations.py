"""Augmentations of a user's own: cast, checked, and named with the batch where they fail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.errors import DataError, DTypeError

RNG = np.random.default_rng(0)
images = RNG.uniform(size=(20, 6, 6, 3)).astype(np.float32)
labels = RNG.integers(0, 3, 20)


def add_noise(rng, images, targets, *, scale):
    return images + rng.normal(0.0, scale, images.shape), targets


def add_alike(rng, images, targets, *, scale):
    return images + rng.normal(0.0, scale, images.shape).astype(images.dtype), targets


def crop(rng, images, targets, *, scale):
    return images[:, :4], targets


def take_root(rng, images, targets, *, scale):
    with np.errstate(invalid="ignore"):
        return np.sqrt(images - scale), targets


def look_beyond(rng, images, targets, *, scale):
    return images[:, 9, 9], targets


def mix(rng, images, targets, *, scale):
    return images, targets * 0.5


@dataclass(eq=False)
class Noise(dl.Augmentation):
    functions = (add_noise,)
    scale: float = 0.1


def own(function):
    return type("Own", (Noise,), {"functions": (function,)})()


class Net(dl.Module):
    def __init__(self):
        self.conv, self.dense = dl.Conv2D(3, 3), dl.Dense(3)

    def __call__(self, x):
        return self.dense(ops.mean(self.conv(x), axis=(1, 2)))


def fit(augment, backend, layout=None):
    options = {"layout": layout} if layout else {}
    net = dl.compile(Net(), dl.Input((None, 6, 6, 3)), backend=backend, **options)
    training = dl.Training(dl.CrossEntropy(), dl.SGD(0.1), batch_size=10, augment=[augment])
    return net.fit(training, (images, labels), progress=False), net


def test_what_it_gives_is_cast(backend):
    history, net = fit(Noise(), backend)
    np.testing.assert_allclose(history.steps, fit(own(add_alike), backend)[0].steps, rtol=1e-5)
    assert "x = x.astype(np.float32, copy=False)" in net.training_source


WRONG = [
    (crop, DataError, r"^augmentation of batch 1 of epoch 1 \(counted from 1\), by Own: input 'x': "
                       r"expected the shape \(batch, 6, 6, 3\), got \(10, 4, 6, 3\)"),
    (take_root, DataError, "by Own: input 'x' holds nan, and before it nothing but finite numbers"),
    (look_beyond, DataError, r"batch 1 of epoch 1 .*: Own failed: IndexError: index 9"),
    (mix, DTypeError, "by Own: targets: expected int values, got float64"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "error", "text"), WRONG)
def test_what_is_wrong_is_named(function, error, text, backend):
    with pytest.raises(error, match=text):
        fit(own(function), backend)


def test_channels_first():
    pytest.importorskip("torch")
    with pytest.raises(DataError, match=r"got \(10, 4, 6, 3\)"):
        fit(own(crop), "torch", "channels_first")
    fit(Noise(), "torch", "channels_first")
