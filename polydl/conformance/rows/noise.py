"""Rows of noise that is added, and of dropout that keeps mean and variance."""

from __future__ import annotations

import numpy as np

from polydl import layers
from polydl.conformance import expectations as e
from polydl.conformance.row import RANDOM_SEED, Array, RandomRow, Row, Weights
from polydl.conformance.samplers import normal
from polydl.spec.input import Input
from polydl.spec.module import Sequential

_ALPHA, _NOISE = "polydl:AlphaDropout@1", "polydl:GaussianNoise@1"
_RATE, _DEVIATION, _SATURATION = 0.3, 0.25, 1.7580993408473766  # torch's constant


def _alpha_dropout(x: Array, kept: Array) -> Array:
    """Klambauer et al. 2017: in training mean and variance stay those of a standard normal."""
    q, a = 1 - _RATE, -_SATURATION
    scale = (q + a**2 * q * (1 - q)) ** -0.5
    return scale * (x * kept + a * (1 - kept)) - scale * (1 - q) * a


def _portable(
    w: Weights, given: list[Array], training: bool
) -> tuple[list[Array], dict[str, Array]]:
    x, step = given[0], int(given[1])
    if not training:
        return [x], {}
    first, second = (e.portable_bits(x.shape, RANDOM_SEED, "1", step, draw) for draw in (0, 1))
    x = _alpha_dropout(x, e.portable_bits(x.shape, RANDOM_SEED, "0", step) < 1 - _RATE)
    in_steps = np.floor(first * 2**24) / 2**24, np.floor(second * 2**24) / 2**24
    plane = np.sqrt(-2 * np.log1p(-in_steps[0])) * np.exp(2j * np.pi * in_steps[1])
    return [x + _DEVIATION * plane.real], {}


def _dropped(x: Array, y: Array) -> None:
    low = _alpha_dropout(x, np.zeros(()))
    np.testing.assert_allclose(y, np.where(np.isclose(y, low), low, _alpha_dropout(x, np.ones(()))),
                               rtol=1e-4, atol=1e-5)  # fmt: skip
    share, spread = np.isclose(y, low).mean(), np.sqrt(_RATE * (1 - _RATE) / x.size)
    assert abs(share - _RATE) < 5 * spread, f"{share} of the elements dropped, not {_RATE}"
    for name, moment, expected in (("mean", y.mean(), 0.0), ("variance", y.var(), 1.0)):
        assert abs(moment - expected) < 0.03, f"{name} {moment}, not {expected}"


ROWS: tuple[Row | RandomRow, ...] = (
    Row(
        "noise, portable", (_ALPHA, _NOISE),
        lambda: Sequential(layers.AlphaDropout(_RATE), layers.GaussianNoise(_DEVIATION)),
        Input((None, 3, 4)), normal(2, 3, 4), _portable, modes=(False, True), portable=True,
    ),
    RandomRow(
        "alpha dropout, random", (_ALPHA,), lambda: Sequential(layers.AlphaDropout(_RATE)),
        Input((None, 128)), normal(512, 128), _dropped,
    ),
    RandomRow(
        "Gaussian noise, random", (_NOISE,), lambda: Sequential(layers.GaussianNoise(_DEVIATION)),
        Input((None, 128)), normal(256, 128),
        lambda x, y: e.assert_standard_normal((y.astype(np.float64) - x) / _DEVIATION),
    ),
)  # fmt: skip
