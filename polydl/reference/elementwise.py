"""Primitives that act on each element. Ufuncs wrap int32 around without a warning."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from polydl.program.types import DType

Array = np.ndarray[Any, Any]

NUMPY_DTYPES: dict[DType, type[np.generic]] = {
    "float": np.float64,
    "int": np.int32,
    "bool": np.bool_,
}

_erf = np.vectorize(math.erf, otypes=[np.float64])


def erf(x: Array) -> Array:
    """C's erf of each element, right to about one unit in the last place."""
    return np.asarray(_erf(x))


def rsqrt(x: Array) -> Array:
    """1 / sqrt(x)."""
    return np.divide(1.0, np.sqrt(x))


def stop_gradient(x: Array) -> Array:
    """x. The interpreter holds it fixed where derivatives are taken."""
    return x


def shift_right_logical(x: Array, bits: int) -> Array:
    """x >> bits, on the 32 bits as an unsigned number."""
    return np.right_shift(x.view(np.uint32), np.uint32(bits)).astype(np.int32)


def astype(x: Array, dtype: DType) -> Array:
    """x converted; float to int cuts towards zero, and to bool means x != 0."""
    return x.astype(NUMPY_DTYPES[dtype])


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "negative": np.negative,
    "absolute": np.absolute,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "rsqrt": rsqrt,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "erf": erf,
    "logical_not": np.logical_not,
    "stop_gradient": stop_gradient,
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "bitwise_and": np.bitwise_and,
    "bitwise_xor": np.bitwise_xor,
    "shift_right_logical": shift_right_logical,
    "where": np.where,
    "astype": astype,
}
