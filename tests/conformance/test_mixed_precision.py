"""Training that computes in bfloat16 or float16: curves, skipped updates, the scale and its state."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.conformance import checks_mixed
from polydl.conformance.nets import Target
from polydl.conformance.tolerances import bound
from polydl.errors import BackendError, DefinitionError
from polydl.precision import LOW

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(64, 6, 6, 1)).astype(np.float32)
CLASSES = (IMAGES[:, :3].sum((1, 2, 3)) > 0).astype(np.int32) + (IMAGES.sum((1, 2, 3)) > 2)
IDS = RNG.integers(0, 20, (64, 6)).astype(np.int32)
NEXT = (3 * IDS + 1) % 20
DTYPE = pytest.mark.parametrize("precision", LOW)
TRAINING = dl.Training(
    dl.CrossEntropy(), dl.AdamW(dl.Warmup(dl.CosineDecay(3e-3, 100), 10)), batch_size=16, epochs=25,
    randomness="portable", accumulate=2, clip_norm=1.0,
    groups=[dl.ParameterGroup("*.bias", rate=2.0)],
)  # fmt: skip


def cnn() -> dl.Module:
    return dl.Sequential(
        dl.Conv2D(8, 3, padding="same"), dl.BatchNorm(), dl.relu, dl.MaxPool2D(2),
        dl.Dropout(0.1), dl.Flatten(), dl.Dense(3),
    )  # fmt: skip


class Transformer(dl.Module):
    def __init__(self) -> None:
        self.embed, self.out = dl.Embedding(20, 16), dl.Dense(20)
        self.block = dl.TransformerEncoderLayer(16, 2, 32, dropout=0.1)

    def __call__(self, ids: dl.Tensor) -> dl.Tensor:
        return self.out(self.block(self.embed(ids)))


SAMPLES: dict[str, Any] = {
    "cnn": (cnn, dl.Input((None, 6, 6, 1)), (IMAGES, CLASSES)),
    "transformer": (Transformer, dl.Input((None, 6), "int"), (IDS, NEXT)),
}


@cache
def losses(name: str, backend: str, precision: Any, natives: bool = True) -> np.ndarray:
    make, inputs, data = SAMPLES[name]
    net = dl.compile(make(), inputs, backend=backend, natives=natives)
    return net.fit(replace(TRAINING, precision=precision), data).steps


@DTYPE
@pytest.mark.parametrize("name", SAMPLES)
def test_curves_stay_beside_those_in_float32(backend: str, name: str, precision: str) -> None:
    found, wide = losses(name, backend, precision), losses(name, backend, None)
    assert len(found) == 100
    assert np.abs(found - wide).max() < bound("mixed losses", precision) * wide.max()
    assert not np.array_equal(found, wide)


def scaled(**changes: Any) -> dl.Training:
    """Two rules, so that torch has two optimizers and Keras two groups."""
    settings: dict[str, Any] = {
        "batch_size": 16, "shuffle": False, "clip_norm": 1.0, "precision": "float16",
        "groups": [dl.ParameterGroup("1.*", settings={"beta1": 0.5})],
    }  # fmt: skip
    return dl.Training(dl.MSE(), dl.Adam(0.01), **{**settings, **changes})


def dense(backend: str, natives: bool = True) -> dl.Net:
    model = dl.Sequential(dl.Dense(5), dl.Dense(2))
    return dl.compile(model, dl.Input((None, 3)), backend=backend, natives=natives)


X, Y = RNG.normal(size=(32, 3)).astype(np.float32), RNG.normal(size=(32, 2)).astype(np.float32)


def scale(net: dl.Net) -> dict[str, float]:
    prepared = net._fitting.prepared
    assert prepared is not None
    return prepared.state.loss_scale()


@pytest.mark.parametrize("changes", [{}, {"accumulate": 2}, {"groups": ()}])
def test_an_update_that_overflows_is_skipped(backend: str, changes: dict[str, Any]) -> None:
    """The scale is halved until gradients are finite; what was skipped is not counted."""
    net = dense(backend)
    before = net.weights
    huge = scaled(loss_scale=dl.LossScale(2.0**40, growth_every=3), **changes)
    history = net.fit(huge, (X, Y))
    assert np.isfinite(history.steps).all()
    assert scale(net) == {"scale": 2.0**38, "good_steps": 0, "updates": 0}
    for path, value in net.weights.items():
        np.testing.assert_array_equal(value, before[path], err_msg=path)
    net.fit(replace(huge, epochs=20), (X, Y))
    after = scale(net)
    skipped = 42 - after["updates"]
    assert 20 < skipped < 36  # float16 ends at 2^16, and each growth costs a skipped update
    assert any((value != before[path]).any() for path, value in net.weights.items())


def test_one_bad_number_skips_all_parameters(backend: str) -> None:
    """A first layer whose gradient overflows where the second one's does not."""
    net = dense(backend)
    weights = net.weights
    weights["1.kernel"] = weights["1.kernel"] * 1e4
    net.load_weights(weights)
    given = scaled(loss_scale=dl.LossScale(2.0**6), clip_norm=None)
    net.fit(given, (X[:16] * 1e-4, Y[:16]))
    assert scale(net)["updates"] == 0
    for path, value in net.weights.items():
        np.testing.assert_array_equal(value, np.float32(weights[path]), err_msg=path)


@pytest.mark.parametrize("check", [checks_mixed.good_updates, checks_mixed.skipped_updates])
def test_updates_and_the_scale_of_gradient_descent(backend: str, check: Any) -> None:
    check(Target(backend)).require()


@pytest.mark.parametrize("accumulate", [1, 2])
def test_in_definitions_too_twice_the_same(backend: str, accumulate: int) -> None:
    """And natives' runs stay beside definitions'."""
    found = []
    for natives in (True, False, False):
        net = dense(backend, natives)
        steps = net.fit(scaled(epochs=3, accumulate=accumulate), (X, Y)).steps
        found.append((steps, net.weights))
    for path, value in found[1][1].items():
        np.testing.assert_array_equal(value, found[2][1][path], err_msg=path)
    np.testing.assert_array_equal(found[1][0], found[2][0])
    difference = np.abs(found[0][0] - found[1][0]).max()
    assert difference < bound("mixed losses", "float16") * found[0][0].max()


def test_a_run_goes_on_with_its_scale(backend: str, tmp_path: Any) -> None:
    """From a checkpoint in the middle, bit for bit, skipped updates and all."""
    given = scaled(
        loss_scale=dl.LossScale(2.0**30, growth_every=2), epochs=16, randomness="portable"
    )
    whole = dense(backend)
    whole.fit(given, (X, Y))
    kept = replace(given, checkpoint=dl.Checkpoint(str(tmp_path), every_steps=21))
    dense(backend).fit(replace(kept, epochs=12), (X, Y))
    again = dense(backend)
    again.fit(kept, (X, Y), resume=True)
    assert scale(again) == scale(whole)
    for path, value in again.weights.items():
        np.testing.assert_array_equal(value, whole.weights[path], err_msg=path)


@DTYPE
def test_a_net_in_float64_is_refused(backend: str, precision: str) -> None:
    net = dl.compile(dl.Dense(2), dl.Input((None, 3)), backend=backend, dtype="float64")
    with pytest.raises(DefinitionError, match=r"this net is in float64\. Compile it with"):
        net.fit(scaled(precision=precision, groups=()), (X, Y))


def test_torch_has_no_lstm_in_float16_on_a_cpu() -> None:
    net = dl.compile(dl.LSTM(2), dl.Input((None, 4, 3)), backend="torch")
    with pytest.raises(BackendError, match=r"no nn.LSTM in float16 on a CPU .*natives=False"):
        net.emit_training(scaled(groups=()))
