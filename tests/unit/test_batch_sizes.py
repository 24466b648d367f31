"""A batch on which BatchNorm(unbiased=True) cannot be trained is refused, alike on every backend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import polydl as dl
from polydl.backend import installed_backends
from polydl.errors import DataError

BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]
TRAINING = dl.Training(dl.MSE(), dl.SGD(0.1), batch_size=4, epochs=1)
X, Y = np.ones((9, 3), np.float32), np.ones((9, 4), np.float32)
WRONG = (
    r"1 \(BatchNorm\), with unbiased=True, cannot be trained on a batch of 1: it divides by n - 1"
)


def compiled(unbiased=True, backend="torch", **how):
    model = dl.Sequential(dl.Dense(4), dl.BatchNorm(unbiased=unbiased))
    return dl.compile(model, dl.Input((None, 3)), backend=backend, **how)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_last_batch_of_one(backend):
    for natives in (True, False):
        net = compiled(backend=backend, natives=natives)
        before = net.weights
        with pytest.raises(DataError, match=f"^data: {WRONG}"):
            net.fit(TRAINING, (X, Y))
        with pytest.raises(DataError, match=WRONG):
            net(X[:1], training=True)
        assert all(np.array_equal(net.weights[path], before[path]) for path in before)
    net.fit(TRAINING, (X[:8], Y[:8]), (X[:1], Y[:1]))
    net.evaluate(TRAINING, (X, Y))
    net(X[:1])


def test_parts_of_batches():
    """Of 6 samples in two parts of 3 none is alone; of 4, the last one is."""
    net, training = compiled(), replace(TRAINING, batch_size=6, accumulate=2)
    net.fit(training, (X[:6], Y[:6]))
    with pytest.raises(DataError, match=WRONG):
        net.fit(training, (X[:4], Y[:4]))


def test_batches_of_an_iterable():
    batches = [(X[:4], Y[:4]), (X[:1], Y[:1])]
    with pytest.raises(DataError, match=rf"^data: batch 2 of epoch 1 .*{WRONG}"):
        compiled().fit(TRAINING, batches)
    compiled().evaluate(TRAINING, batches)


def test_what_can_be_trained_on_one_sample():
    compiled(unbiased=False).fit(TRAINING, (X, Y))
    images = dl.Sequential(dl.Conv2D(2, 1), dl.BatchNorm(unbiased=True))
    net = dl.compile(images, dl.Input((None, 2, 2, 1)), backend="torch")
    data = np.ones((5, 2, 2, 1), np.float32), np.ones((5, 2, 2, 2), np.float32)
    net.fit(TRAINING, data)
