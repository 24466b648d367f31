"""Recurrent layers and loops train alike on every backend, in the steps that fit runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import polydl as dl
from tests.conftest import backends


class Classifier(dl.Module):
    """Layers that are native somewhere, that are native nowhere, and a loop of its own."""

    def __init__(self):
        self.first = dl.LSTM(4)
        self.both = dl.Bidirectional(dl.GRU(3))
        self.last = dl.GRU(4, reset_after=False, textbook=True, return_sequences=False)
        self.decay = dl.Dense(3)
        self.scores = dl.Dense(3)

    def __call__(self, x):
        h = self.last(self.both(self.first(x)))
        gate = dl.sigmoid(self.decay(x))
        _, mean = dl.associative_scan(
            lambda p, q: (p[0] * q[0], q[0] * p[1] + q[1]), (gate, 1.0 - gate), axis=1
        )
        total, _ = dl.scan(lambda s, now: (s + now, None), 0.0 * mean[:, 0], mean, axis=1)
        return self.scores(h) + total


@pytest.mark.parametrize("model", [Classifier, lambda: dl.models.LSTMClassifier(3, 4)])
def test_loops_train_alike(model: Callable[[], dl.Module], pytestconfig: pytest.Config) -> None:
    """Loops of one's own, and stock layers alone, which Keras compiles in another way."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(30, 5, 2)), random.integers(0, 3, 30).astype(np.int32)
    training = dl.Training(loss=dl.CrossEntropy(), optimizer=dl.Adam(0.01), batch_size=8, epochs=8)
    found = {}
    for backend in backends(pytestconfig):
        net = dl.compile(model(), dl.Input((None, 5, 2)), backend=backend, dtype="float64")
        net.fit(training, (x, y))
        found[backend] = net.weights
    first, *others = found
    for other in others:
        for path, value in found[first].items():
            np.testing.assert_allclose(found[other][path], value, rtol=0, atol=1e-12)
