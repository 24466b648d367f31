"""NaN, infinities and divisors of 0 give what they give in NumPy, on every backend."""

from __future__ import annotations

import math

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.backend import installed_backends
from polydl.errors import DefinitionError

BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]

FLOATS = np.array(
    [
        [1, math.nan, 3, 0],
        [math.nan, 1, -math.inf, 2],
        [-1, 0.5, 3, 3],
        [math.inf, -2, math.nan, 0],
    ],
    np.float32,
)
INTS = np.array([[7, -7, 0, 5], [-3, 2, 0, -1]], np.int32)
DIVISORS = np.array([[0, 2, 0, -3], [2, 0, -5, -1]], np.int32)

# name: (with dl.ops, in NumPy)
OF_FLOATS = {
    "sign": (ops.sign, np.sign),
    "max": (lambda x: ops.max(x, 1), lambda x: x.max(1)),
    "max of all": (ops.max, np.max),
    "min": (lambda x: ops.min(x, 0, keepdims=True), lambda x: x.min(0, keepdims=True)),
    "maximum": (lambda x: ops.maximum(x, x[:, ::-1]), lambda x: np.maximum(x, x[:, ::-1])),
    "minimum": (lambda x: ops.minimum(x, 1.0), lambda x: np.minimum(x, 1.0)),
    "clip": (lambda x: ops.clip(x, -1.0, 1.0), lambda x: np.clip(x, -1.0, 1.0)),
    "norm": (lambda x: ops.norm(x, axis=1), lambda x: np.linalg.norm(x, axis=1)),
    "largest norm": (
        lambda x: ops.norm(x, math.inf, axis=1), lambda x: np.linalg.norm(x, math.inf, axis=1)
    ),
    "sort": (ops.sort, np.sort),
    "top_k": (lambda x: ops.top_k(x, 2)[0], lambda x: np.sort(x)[:, :-3:-1]),
    "logsumexp": (ops.logsumexp, lambda x: np.float32(math.nan)),
    "relu": (dl.relu, lambda x: np.maximum(x, 0)),
}  # fmt: skip
OF_INTS = {
    "//": (lambda a, b: a // b, np.floor_divide),
    "%": (lambda a, b: a % b, np.remainder),
    "of a number": (lambda a, b: 7 // b, lambda a, b: np.floor_divide(7, b)),
    "divmod": (lambda a, b: divmod(a, b)[1], np.remainder),
    "ops": (ops.floor_divide, np.floor_divide),
}


class Each(dl.Module):
    """What functions give, by their place."""

    def __init__(self, functions):
        self.functions = functions

    def __call__(self, *given):
        return tuple(function(*given) for function in self.functions)


def compare(table, inputs, arrays, **how):
    net = dl.compile(Each(tuple(ours for ours, _ in table.values())), inputs, **how)
    given = arrays if len(arrays) > 1 else arrays[0]
    with np.errstate(all="ignore"):
        wanted = {name: theirs(*arrays) for name, (_, theirs) in table.items()}
    for (name, expected), found in zip(wanted.items(), net(given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("natives", [True, False])
@pytest.mark.parametrize("backend", ["reference", *BACKENDS])
def test_special_values(backend, natives):
    compare(OF_FLOATS, dl.Input((None, 4)), (FLOATS,), backend=backend, natives=natives)
    pair = (dl.Input(("n", 4), "int"), dl.Input(("n", 4), "int"))
    compare(OF_INTS, pair, (INTS, DIVISORS), backend=backend, natives=natives)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_largest_of_a_window_with_nan(backend):
    """Keras' own layers pass over NaN (docs/natives.md); the definition does not, anywhere."""
    model = dl.Sequential(dl.MaxPool2D(2), dl.MaxPool2D(2, 1, "same"))
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 2)).astype(np.float32)
    x[0, 1, 3, 0] = math.nan
    wanted = dl.compile(model, dl.Input((None, 6, 6, 2)), backend="reference")(x)
    assert np.isnan(wanted).sum() == 2
    net = dl.compile(model, dl.Input((None, 6, 6, 2)), backend=backend, natives=False)
    np.testing.assert_array_equal(net(x), wanted)


@pytest.mark.parametrize("function", [lambda a: a // 0, lambda a: a % 0, lambda a: divmod(a, 0)])
def test_an_int_over_the_number_0(function):
    with pytest.raises(DefinitionError, match="of an int by 0"):
        dl.trace(Each((function,)), dl.Input((None, 4), "int"))
