"""Rounding to the half-size floats, and the names of precisions."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DefinitionError
from polydl.precision import EPSILON, LOW, carrier, check_dtype, floats_rounded, rounded


def drawn(rng: np.random.Generator) -> np.ndarray:
    wide = rng.normal(size=20_000) * 10.0 ** rng.uniform(-46, 39, 20_000)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 65519.0, 65520.0, 2.0**-24, 2.0**-25, 3.4e38]
    return np.concatenate([wide, special])


@pytest.mark.parametrize("dtype", LOW)
def test_rounding_is_that_of_the_types_themselves(dtype: str) -> None:
    x = drawn(np.random.default_rng(0))
    with np.errstate(over="ignore"):
        own = pytest.importorskip("ml_dtypes").bfloat16 if dtype == "bfloat16" else np.float16
        expected = x.astype(np.float32).astype(own).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = rounded(x, dtype)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(rounded(found, dtype), found)


@pytest.mark.parametrize("dtype", LOW)
def test_ties_go_to_even(dtype: str) -> None:
    step = EPSILON[dtype]
    x = 1 + step * np.array([0.5, 1.5, 2.5, 0.49, 0.51])
    np.testing.assert_array_equal(rounded(x, dtype), 1 + step * np.array([0, 2, 2, 0, 1]))


@pytest.mark.parametrize("dtype", EPSILON)
def test_shapes_stay(dtype: str) -> None:
    for shape in ((), (0, 3), (2, 3)):
        assert rounded(np.ones(shape), dtype).shape == shape
    strided = np.ones((4, 6))[:, ::2]
    assert rounded(strided, dtype).dtype == carrier(dtype)
    assert rounded(strided, dtype).shape == (4, 3)


def test_integers_are_left_alone() -> None:
    given = {"ids": np.arange(3, dtype=np.int32), "x": np.full(2, 1 / 3)}
    found = floats_rounded(given, "bfloat16")
    assert found["ids"] is given["ids"]
    assert found["x"].dtype == np.float32


def test_unknown_names_suggest_a_known_one() -> None:
    with pytest.raises(DefinitionError, match="'bfloat16'"):
        check_dtype("bflot16")
    with pytest.raises(DefinitionError, match="unknown dtype 'half'"):
        dl.compile(
            dl.Sequential(dl.Dense(2)), dl.Input((None, 3)), backend="reference", dtype="half"
        )


@pytest.mark.parametrize("dtype", LOW)
def test_the_reference_rounds_what_it_is_given(dtype: str) -> None:
    model, x = dl.Sequential(dl.Dense(2)), np.full((1, 3), 1 / 3)
    net = dl.compile(model, dl.Input((None, 3)), backend="reference", dtype=dtype)
    low = rounded(x, dtype).astype(np.float64)
    for path, value in net.weights.items():
        np.testing.assert_array_equal(value, rounded(value, dtype), err_msg=path)
    expected = low @ net.weights["0.kernel"] + net.weights["0.bias"]
    np.testing.assert_allclose(net(x), expected, rtol=1e-15)


def test_low_precision_is_not_trained(tmp_path) -> None:
    x, y = np.zeros((4, 3)), np.zeros(4, np.int32)
    training = dl.Training(dl.CrossEntropy(), dl.SGD(0.1))
    experiment = dl.Experiment(dl.Sequential(dl.Dense(2)), dl.Input((None, 3)), training, (x, y))
    with pytest.raises(DefinitionError, match="in bfloat16 is for inference"):
        dl.compare(experiment, ["torch"], dtype="bfloat16", report=None)
    with pytest.raises(DefinitionError, match="in float16 is for inference"):
        experiment.arrays("float16")
