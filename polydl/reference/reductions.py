"""Primitives that reduce, add up or order along axes, and products of arrays."""

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


def prod(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The product over axes, in x's own dtype."""
    return np.prod(x, axis, dtype=x.dtype, keepdims=keepdims)


def any_(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """Whether any over axes holds."""
    return np.any(x, axis, keepdims=keepdims)


def all_(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """Whether all over axes hold."""
    return np.all(x, axis, keepdims=keepdims)


def cumsum(x: Array, axis: int = -1) -> Array:
    """The sum up to each element, in x's own dtype."""
    return np.cumsum(x, axis, dtype=x.dtype)


def cumprod(x: Array, axis: int = -1) -> Array:
    """The product up to each element, in x's own dtype."""
    return np.cumprod(x, axis, dtype=x.dtype)


def sort(x: Array, axis: int = -1) -> Array:
    """In ascending order."""
    return np.sort(x, axis, kind="stable")


def argsort(x: Array, axis: int = -1) -> Array:
    """The indices that sort; of equals the first comes first."""
    return np.argsort(x, axis, kind="stable").astype(np.int32)


def einsum(*operands: Array, equation: str) -> Array:
    """Sums of products."""
    return np.einsum(equation, *operands, optimize=len(operands) > 2)


def max_(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The largest over axes."""
    return np.max(x, axis, keepdims=keepdims)


def min_(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The smallest over axes."""
    return np.min(x, axis, keepdims=keepdims)


def argmax(x: Array, axis: int = -1) -> Array:
    """Index of the first largest along an axis."""
    return np.asarray(np.argmax(x, axis)).astype(np.int32)


def argmin(x: Array, axis: int = -1) -> Array:
    """Index of the first smallest along an axis."""
    return np.asarray(np.argmin(x, axis)).astype(np.int32)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": sum_,
    "mean": mean,
    "prod": prod,
    "any": any_,
    "all": all_,
    "cumsum": cumsum,
    "cumprod": cumprod,
    "sort": sort,
    "argsort": argsort,
    "einsum": einsum,
    "max": max_,
    "min": min_,
    "argmax": argmax,
    "argmin": argmin,
    "matmul": np.matmul,
}
