"""First values: the distributions that the names promise, equal for equal (seed, path)."""

from __future__ import annotations

import math

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DefinitionError
from polydl.program.types import Entry, Initializer
from polydl.spec.initializers import SAMPLERS, fans, initial_value, resolve

SHAPE = (3, 3, 40, 60)  # a window of 9, 40 inputs, 60 outputs
FAN_IN, FAN_OUT = 9 * 40, 9 * 60
VARIANCE = {
    "glorot": 2 / (FAN_IN + FAN_OUT),
    "he": 2 / FAN_IN,
    "lecun": 1 / FAN_IN,
}


def draw(initializer, shape=SHAPE, seed=0, path="w", dtype="float"):
    return initial_value(Entry(path, "parameter", shape, dtype, resolve(initializer)), seed)


def within(measured, expected, samples, kurtosis):
    """Five standard errors of a sample variance."""
    assert abs(measured / expected - 1) < 5 * math.sqrt((kurtosis - 1) / samples), measured


@pytest.mark.parametrize("family", VARIANCE)
@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_variance_of_each_family(family, kind):
    values = draw(f"{family}_{kind}")
    expected = VARIANCE[family]
    within(values.var(), expected, values.size, 1.8 if kind == "uniform" else 2.4)
    assert abs(values.mean()) < 5 * math.sqrt(expected / values.size)
    limit = math.sqrt(3 * expected)
    if kind == "uniform":
        assert abs(values).max() <= limit
        assert abs(values).max() > 0.99 * limit
    else:
        assert 2.0 < abs(values).max() / math.sqrt(expected) < 2.0 / 0.8796


def test_fans():
    assert fans(SHAPE) == (FAN_IN, FAN_OUT)
    assert fans((5, 7)) == (5, 7)
    assert fans((5,)) == (5, 5)
    assert fans(()) == (1, 1)


def test_plain_distributions():
    values = draw(dl.initializer("normal", mean=1.0, stddev=0.2))
    within(values.var(), 0.04, values.size, 3.0)
    assert abs(values.mean() - 1) < 0.01
    assert abs(values - 1).max() > 3 * 0.2  # not truncated
    values = draw(dl.initializer("uniform", low=2.0, high=5.0))
    assert 2 <= values.min() < 2.01
    assert 4.99 < values.max() <= 5
    within(values.var(), 9 / 12, values.size, 1.8)
    values = draw(dl.initializer("truncated_normal", mean=-1.0, stddev=0.5))
    assert abs(values + 1).max() <= 1.0
    within(values.var(), (0.5 * 0.87962566) ** 2, values.size, 2.4)
    assert (draw("zeros") == 0).all()
    assert (draw("ones") == 1).all()
    assert (draw(0.25) == 0.25).all()
    assert draw(3, (2,), dtype="int").tolist() == [3, 3]
    assert draw("ones", (), dtype="bool") == np.True_


@pytest.mark.parametrize("shape", [(6, 6), (12, 5), (5, 12), (2, 3, 5), (2, 2, 9), (4,), ()])
def test_orthogonal_rows_or_columns(shape):
    matrix = draw(dl.initializer("orthogonal", gain=2.0), shape).reshape(-1, *shape[-1:] or (1,))
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    np.testing.assert_allclose(matrix.T @ matrix, 4 * np.eye(matrix.shape[1]), atol=1e-12)


def test_orthogonal_is_uniform_over_the_group():
    """QR alone would fix the signs: the first entry's mean would not be zero."""
    first = [draw("orthogonal", (3, 3), seed)[0, 0] for seed in range(400)]
    assert abs(np.mean(first)) < 5 * math.sqrt(1 / 3 / 400)


def test_equal_for_equal_seed_and_path_only():
    same = draw("he_normal", (4, 5))
    assert np.array_equal(draw("he_normal", (4, 5)), same)
    assert not np.array_equal(draw("he_normal", (4, 5), seed=1), same)
    assert not np.array_equal(draw("he_normal", (4, 5), path="v"), same)
    assert not np.allclose(
        draw("normal", (50,), 1, "x"), draw("normal", (50,), 0, "1\0x")
    )  # seed and path are told apart
    # what one parameter is given does not depend on which others there are
    one = dl.compile(dl.Sequential(dl.Dense(3)), dl.Input((None, 4)), backend="reference", seed=5)
    two = dl.compile(dl.Sequential(dl.Dense(3), dl.Dense(3)), dl.Input((None, 4)),
                     backend="reference", seed=5)  # fmt: skip
    assert np.array_equal(one.weights["0.kernel"], two.weights["0.kernel"])
    assert not np.array_equal(two.weights["0.kernel"][:3], two.weights["1.kernel"])


def test_golden_values_do_not_move():
    """Seeds mean the same tomorrow: these were drawn when the format was fixed."""
    expected = {
        "glorot_uniform": [0.7273993, -0.5757537, 0.3021865],
        "normal": [-0.0966003, -0.0209481, -0.0142046],
        "orthogonal": [-0.7125139, -0.3441320, 0.6114712],
    }
    for name, first in expected.items():
        np.testing.assert_allclose(draw(name, (3, 3), 7, "a.kernel")[0], first, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: dl.initializer("glorot"), "Did you mean 'glorot_normal'"),
        (lambda: dl.initializer("zeros", value=1), "has no argument 'value'"),
        (lambda: dl.initializer("normal", stddev="a"), "stddev must be a finite number"),
        (lambda: dl.initializer("normal", stddev=float("nan")), "must be a finite number"),
        (lambda: dl.initializer("constant", value=True), "must be a finite number"),
        (lambda: resolve(Initializer("none", {})), "unknown initializer 'none'"),
    ],
)
def test_unknown_initializers_are_refused(make, says):
    with pytest.raises(DefinitionError, match=says):
        make()


def test_every_initializer_has_a_test():
    families = {f"{f}_{k}" for f in VARIANCE for k in ("uniform", "normal")}
    plain = {"zeros", "ones", "constant", "normal", "uniform", "truncated_normal", "orthogonal"}
    assert set(SAMPLERS) == families | plain
