"""Noise on gradients: what it is, and that it lies alike where kernels lie in other ways."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl.backend import installed_backends
from polydl.reference.interpreter import evaluate_block

BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]
NOISE = dl.GradientNoise(0.3)
RNG = np.random.default_rng(2)
DATA = (RNG.standard_normal((8, 4, 4, 2)), RNG.standard_normal((8, 2)))


def run(backend: str, seed: int, fits: int = 1) -> dict[str, np.ndarray]:
    """A depthwise and a transposed kernel, and a GRU's, whose gates Keras keeps in another order."""
    model = dl.Sequential(
        dl.DepthwiseConv2D(2), dl.ConvTranspose2D(3, 2), dl.Reshape((16, 3)), dl.GRU(2),
        lambda x: x[:, -1],
    )  # fmt: skip
    net = dl.compile(model, dl.Input((None, 4, 4, 2)), backend=backend, dtype="float64", seed=1)
    settings = dl.Training(
        dl.MSE(), dl.SGD(0.1, 0.9), 4, 4 // fits, gradient_noise=NOISE, seed=seed, shuffle=False
    )
    for _ in range(fits):
        net.fit(settings, DATA)
    return net.weights


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    return run(BACKENDS[0], 3)


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_it_lies_as_weights_do(backend: str, expected: dict[str, np.ndarray]) -> None:
    found = run(backend, 3)
    for path, value in expected.items():
        np.testing.assert_allclose(found[path], value, rtol=0, atol=1e-12, err_msg=path)


def test_it_is_of_the_seed_and_the_step(expected: dict[str, np.ndarray]) -> None:
    """Also where a run goes on in a second fit."""
    again, other = run(BACKENDS[0], 3, fits=2), run(BACKENDS[0], 4)
    for path, value in expected.items():
        np.testing.assert_array_equal(again[path], value)
        assert np.abs(other[path] - value).min() > 0


def test_its_distribution() -> None:
    """Moments of 2^17 numbers, within five of their standard errors; neighbours do not go along."""
    count = 2**17
    given = [np.arange(count, dtype=np.int32), np.int32(11), np.int32(-5)]
    (x,) = evaluate_block(NOISE.trace(), [np.asarray(value) for value in given])
    error = 5 / np.sqrt(count)
    assert abs(x.mean()) < error
    assert abs((x**2).mean() - 1) < np.sqrt(2) * error
    assert abs((x**3).mean()) < np.sqrt(15) * error
    assert abs((x**4).mean() - 3) < np.sqrt(96) * error
    assert abs((x[1:] * x[:-1]).mean()) < error
