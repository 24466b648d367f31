"""Primitives that reduce axes, and the matrix product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Axes = int | tuple[int, ...] | None


def sum_(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The sum over axes, in x's own dtype (NumPy alone would widen int32)."""
    return np.sum(x, axis, dtype=x.dtype, keepdims=keepdims)


def mean(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The mean over axes."""
    return np.mean(x, axis, keepdims=keepdims)


def max_(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The largest over axes."""
    return np.max(x, axis, keepdims=keepdims)


def min_(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The smallest over axes."""
    return np.min(x, axis, keepdims=keepdims)


def argmax(x: Array, axis: int = -1) -> Array:
    """Index of the first largest along an axis."""
    return np.asarray(np.argmax(x, axis)).astype(np.int32)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": sum_,
    "mean": mean,
    "max": max_,
    "min": min_,
    "argmax": argmax,
    "matmul": np.matmul,
}
