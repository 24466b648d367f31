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


_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def erfc(x: Array) -> Array:
    """C's erfc of each element."""
    return np.asarray(_erfc(x))


def erfinv(x: Array) -> Array:
    """The root y of erf(y) = x: Winitzki's estimate, then Halley's steps.

    Near 1 in magnitude the steps are on erfc, which keeps its digits there.
    """
    small = np.log1p(-x * x)
    half = 2 / (math.pi * 0.147) + small / 2
    y = np.sign(x) * np.sqrt(np.sqrt(half * half - small / 0.147) - half)
    side = np.where(x < 0, -1.0, 1.0)
    inside = np.abs(x) < 1
    for _ in range(3):
        error = np.where(np.abs(x) < 0.5, erf(y) - x, side * ((1 - np.abs(x)) - erfc(side * y)))
        step = error * math.sqrt(math.pi) / 2 * np.exp(y * y)
        y = np.where(inside, y - step / (1 + y * step), y)
    return np.where(np.abs(x) == 1, side * np.inf, y)


def left_shift(x: Array, bits: Array) -> Array:
    """x << bits, on the 32 bits as an unsigned number."""
    return np.left_shift(x.astype(np.uint32), bits.astype(np.uint32)).astype(np.int32)


def clip(x: Array, low: float | None, high: float | None) -> Array:
    """x between two numbers; NaN stays."""
    return np.clip(x, low, high).astype(x.dtype)


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
    "sign": np.sign,
    "square": np.square,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "rsqrt": rsqrt,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "arcsinh": np.arcsinh,
    "arccosh": np.arccosh,
    "arctanh": np.arctanh,
    "erf": erf,
    "erfc": erfc,
    "erfinv": erfinv,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "trunc": np.trunc,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "bitwise_not": np.bitwise_not,
    "logical_not": np.logical_not,
    "stop_gradient": stop_gradient,
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "power": np.power,
    "arctan2": np.arctan2,
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
    "logical_xor": np.logical_xor,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "left_shift": left_shift,
    "right_shift": np.right_shift,
    "clip": clip,
    "shift_right_logical": shift_right_logical,
    "where": np.where,
    "astype": astype,
}
