"""A built-in layer that is the whole model is the framework's own part, under the layer's own paths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import polydl as dl

LAYERS: list[Callable[[], dl.Module]] = [
    lambda: dl.SimpleRNN(4), lambda: dl.LSTM(3, return_state=True), lambda: dl.Conv1D(4, 2),
    lambda: dl.BatchNorm(), lambda: dl.Dense(4),
]  # fmt: skip
X = np.random.default_rng(0).normal(size=(3, 5, 4))


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_alone(layer: Callable[[], dl.Module], backend: str) -> None:
    inputs = dl.Input((None, 5, 4))
    alone = dl.compile(layer(), inputs, backend=backend, dtype="float64")
    held = dl.compile(dl.Sequential(layer()), inputs, backend=backend, dtype="float64")
    held.load_weights({f"0.{path}": value for path, value in alone.weights.items()})
    for one, other in zip(*map(_leaves, (alone(X), held(X))), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
    entries = [
        line for line in alone.source.splitlines() if "Param" in line or "add_weight" in line
    ]
    assert entries == []  # written from the definition, it would declare its own


def test_a_layer_alone_trains(backend: str) -> None:
    net = dl.compile(dl.GRU(4), dl.Input((None, 5, 4)), backend=backend, dtype="float64")
    before = net.weights
    net.fit(dl.Training(dl.MSE(), dl.SGD(0.1), batch_size=3), (X, X))
    assert set(net.weights) == {"kernel", "recurrent_kernel", "bias", "recurrent_bias"}
    assert any(np.any(net.weights[path] != value) for path, value in before.items())


def _leaves(outputs: object) -> list[np.ndarray]:
    if isinstance(outputs, np.ndarray):
        return [outputs]
    return [leaf for part in outputs for leaf in _leaves(part)]  # type: ignore[attr-defined]
