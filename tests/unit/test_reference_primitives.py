"""The oracle's primitives against plain Python, element by element."""

from __future__ import annotations

import math
import operator

import numpy as np
import pytest
import scipy.special
from reference_helpers import (
    INT_MAX,
    INT_MIN,
    INTS,
    each,
    evaluate,
    folded,
    int32,
    normal,
    same,
    wrapped,
)

from polydl import ops
from polydl.errors import DTypeError
from polydl.primitives import PRIMITIVES
from polydl.reference.primitives import REFERENCE
from polydl.spec.apply import apply

X, Y = normal(3, 4, seed=1), normal(1, 4, seed=2)
ROOMY = np.abs(X) + 0.1
VOLUME = normal(2, 3, 4, seed=3)
OTHER = int32(3, -2, 5, INT_MAX, INT_MAX, 987654321)
BOOLS, OTHER_BOOLS = np.array([[True], [False]]), np.array([True, False])

UNARY = [
    ("negative", X, operator.neg),
    ("negative", INTS, wrapped(operator.neg)),
    ("absolute", X, abs),
    ("absolute", INTS, wrapped(abs)),
    ("exp", X, math.exp),
    ("log", ROOMY, math.log),
    ("sqrt", ROOMY, math.sqrt),
    ("rsqrt", ROOMY, lambda x: 1 / math.sqrt(x)),
    ("tanh", X, math.tanh),
    ("erf", X, lambda x: float(scipy.special.erf(x))),
    ("logical_not", BOOLS, operator.not_),
    ("stop_gradient", X, lambda x: x),
]
BINARY = [
    ("add", X, Y, operator.add),
    ("add", INTS, OTHER, wrapped(operator.add)),
    ("subtract", X, Y, operator.sub),
    ("subtract", INTS, OTHER, wrapped(operator.sub)),
    ("multiply", X, Y, operator.mul),
    ("multiply", INTS, OTHER, wrapped(operator.mul)),
    ("divide", X, Y, operator.truediv),
    ("power", ROOMY, Y, operator.pow),
    ("maximum", X, Y, max),
    ("maximum", INTS, OTHER, max),
    ("minimum", X, Y, min),
    ("minimum", INTS, OTHER, min),
    ("greater", INTS, OTHER, operator.gt),
    ("greater_equal", INTS, OTHER, operator.ge),
    ("less", INTS, OTHER, operator.lt),
    ("less_equal", INTS, OTHER, operator.le),
    ("equal", INTS, OTHER, operator.eq),
    ("not_equal", INTS, OTHER, operator.ne),
    ("greater", X, Y, operator.gt),
    ("less", X, Y, operator.lt),
    ("logical_and", BOOLS, OTHER_BOOLS, operator.and_),
    ("logical_or", BOOLS, OTHER_BOOLS, operator.or_),
    ("bitwise_and", INTS, OTHER, operator.and_),
    ("bitwise_xor", INTS, OTHER, operator.xor),
]
CASES = [
    *((op, (x,), {}, each(f, x)) for op, x, f in UNARY),
    *((op, (a, b), {}, each(f, a, b)) for op, a, b, f in BINARY),
    *(
        ("shift_right_logical", (INTS,), {"bits": bits},
         each(wrapped(lambda x, bits=bits: (x % 2**32) >> bits), INTS))
        for bits in (1, 8, 31)
    ),
    ("where", (np.array([[True], [False], [True]]), X, Y), {}, np.array([X[0], Y[0], X[2]])),
    ("astype", (np.array([-1.7, -0.2, 0.0, 2.9]),), {"dtype": "int"}, int32(-1, 0, 0, 2)),
    ("astype", (np.array([-1.7, 0.0]),), {"dtype": "bool"}, np.array([True, False])),
    ("astype", (int32(-3, 0),), {"dtype": "float"}, np.array([-3.0, 0.0])),
    ("astype", (int32(-3, 0),), {"dtype": "bool"}, np.array([True, False])),
    ("astype", (OTHER_BOOLS,), {"dtype": "int"}, int32(1, 0)),
    ("astype", (OTHER_BOOLS,), {"dtype": "float"}, np.array([1.0, 0.0])),
    ("sum", (VOLUME,), {"axis": (0, 2)}, folded(math.fsum, VOLUME, (0, 2))),
    ("sum", (VOLUME,), {"axis": -2, "keepdims": True}, folded(math.fsum, VOLUME, (1,), True)),
    ("sum", (INTS,), {}, np.int32(wrapped(sum)(INTS.tolist()))),
    ("mean", (VOLUME,), {"axis": (0, 1)}, folded(lambda v: math.fsum(v) / 6, VOLUME, (0, 1))),
    ("max", (VOLUME,), {"axis": (1, 2)}, folded(max, VOLUME, (1, 2))),
    ("max", (INTS,), {}, np.int32(INT_MAX)),
    ("max", (VOLUME,), {"axis": 0, "keepdims": True}, folded(max, VOLUME, (0,), True)),
    ("mean", (VOLUME,), {"axis": -1, "keepdims": True}, folded(np.mean, VOLUME, (2,), True)),
    ("min", (VOLUME,), {"axis": -1, "keepdims": True}, folded(min, VOLUME, (2,), True)),
    ("argmax", (int32(4, 9, 9, 1).reshape(1, 4),), {}, int32(1)),
    ("argmax", (VOLUME,), {"axis": 1}, folded(lambda v: v.index(max(v)), VOLUME, (1,))),
    ("matmul", (VOLUME, normal(4, 5)), {},
     np.array([[[math.fsum(VOLUME[b, i] * normal(4, 5)[:, j]) for j in range(5)]
                for i in range(3)] for b in range(2)])),
    ("reshape", (VOLUME,), {"shape": (4, 6)}, np.array(list(VOLUME.flat)).reshape(4, 6)),
    ("transpose", (VOLUME,), {"axes": (2, 0, 1)},
     np.array([[[VOLUME[a, b, c] for b in range(3)] for a in range(2)] for c in range(4)])),
    ("broadcast_to", (Y,), {"shape": (2, 3, 4)}, np.array([[Y[0]] * 3] * 2)),
    ("concatenate", (X, ROOMY[:2]), {"axis": 0}, np.array([*X, *ROOMY[:2]])),
    ("index", (VOLUME,), {"index": (-1, (0, None, 2))}, np.array([VOLUME[1, 0], VOLUME[1, 2]])),
    ("index", (INTS,), {"index": ((-3, -1, None),)}, int32(INT_MIN, INT_MAX)),
    ("pad", (INTS[:2],), {"widths": ((1, 2),), "value": 0.0}, int32(0, -7, 0, 0, 0)),
    ("pad", (np.ones((1, 1)),), {"widths": ((0, 1), (1, 0)), "value": 7.0},
     np.array([[7.0, 1.0], [7.0, 7.0]])),
    ("take", (X, int32(2, 0, -1, 99).reshape(2, 2)), {}, np.array([[X[2], X[0]], [X[0], X[2]]])),
    ("take_along_axis", (X, int32(3, 0, 1).reshape(3, 1)), {"axis": -1},
     np.array([[X[0, 3]], [X[1, 0]], [X[2, 1]]])),
    ("take_along_axis", (X, int32(2, 1, 0, 2).reshape(1, 4)), {"axis": 0},
     np.array([[X[2, 0], X[1, 1], X[0, 2], X[2, 3]]])),
    ("arange", (), {"size": 4}, int32(0, 1, 2, 3)),
    ("full", (), {"shape": (2, 1), "value": 3, "dtype": "int"}, int32(3, 3).reshape(2, 1)),
    ("full", (), {"shape": (2,), "value": 0.5}, np.array([0.5, 0.5])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("op", "operands", "attributes", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_primitive(op, operands, attributes, expected):
    actual = evaluate(lambda *tensors: apply(op, *tensors, **attributes), *operands)
    same(actual, expected)


def test_every_primitive_has_a_meaning():
    """What has no case here has its independent expectation in its conformance row."""
    assert set(REFERENCE) == set(PRIMITIVES)
    assert {case[0] for case in CASES} <= set(PRIMITIVES)


def test_integers_wrap_around_without_a_warning():
    with np.errstate(all="raise"):
        for op in ("add", "subtract", "multiply"):
            REFERENCE[op](np.asarray(INT_MAX, np.int32), np.asarray(-1, np.int32))
            REFERENCE[op](INTS, OTHER)
        REFERENCE["sum"](INTS)


def test_erf_is_right_to_the_last_places():
    x = np.linspace(-7, 7, 5001)
    actual, expected = evaluate(ops.erf, x), scipy.special.erf(x)
    assert np.all(np.abs(actual - expected) <= 2 * np.spacing(np.abs(expected)))
    assert evaluate(ops.erf, np.zeros((0, 3))).shape == (0, 3)


def test_python_numbers_are_operands():
    same(evaluate(lambda x: 1 - 2 * x, X), 1.0 - 2.0 * X)
    same(evaluate(lambda i: i * -3 + 1, INTS), each(wrapped(lambda i: i * -3 + 1), INTS))
    with pytest.raises(DTypeError, match="beyond int32"):
        evaluate(lambda i: i * 2**31, INTS)


def test_random_bits_are_the_generators_and_new_at_each_call():
    draw = lambda: ops.random_bits((10_000,))
    two = evaluate(lambda: ops.concatenate([draw(), draw()], -1))
    first, second = np.split(two, 2)
    assert two.dtype == np.int32
    assert not np.array_equal(first, second)
    assert np.mean(two < 0) == pytest.approx(0.5, abs=0.02)
    assert two.min() < -2.1e9
    assert two.max() > 2.1e9
    same(evaluate(draw), first)
