"""A loss with a loop trains alike everywhere: XLA, which cannot follow Keras' loops back, stays out."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl


@pytest.fixture(scope="module")
def losses_on_torch() -> np.ndarray:
    return trained("torch")


def trained(backend: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6, 5, 3)).astype(np.float32)
    labels = np.array([[1, 2, 2], [3, 1, -1], [2, -1, -1]] * 2, np.int32)
    net = dl.compile(dl.Sequential(dl.Dense(4)), dl.Input((None, 5, 3)), backend=backend)
    training = dl.Training(dl.CTC(), dl.SGD(0.1), batch_size=4, epochs=2)
    return net.fit(training, (x, labels, rng.uniform(0.5, 2.0, 6).astype(np.float32))).steps


@pytest.mark.parametrize("backend", ["keras", "flax"])
def test_ctc_trains_alike(backend: str, losses_on_torch: np.ndarray) -> None:
    np.testing.assert_allclose(trained(backend), losses_on_torch, rtol=1e-5)
