"""Primitives that rearrange, pick and make arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polydl.program.types import DType
from polydl.reference.elementwise import NUMPY_DTYPES

Array = np.ndarray[Any, Any]
Slice = tuple[int | None, int | None, int | None]
Ints = tuple[int, ...]


def reshape(x: Array, shape: Ints) -> Array:
    """The same elements in C order."""
    return np.reshape(x, shape)


def transpose(x: Array, axes: Ints) -> Array:
    """Axes in another order."""
    return np.transpose(x, axes)


def broadcast_to(x: Array, shape: Ints) -> Array:
    """x repeated to a larger shape."""
    return np.broadcast_to(x, shape)


def concatenate(*parts: Array, axis: int = -1) -> Array:
    """Arrays joined along an axis."""
    return np.concatenate(parts, axis)


def index(x: Array, index: tuple[int | Slice, ...]) -> Array:
    """x[index], a (start, stop, step) standing for a slice."""
    return x[tuple(part if isinstance(part, int) else slice(*part) for part in index)]


def pad(x: Array, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> Array:
    """x inside a larger array of `value`."""
    return np.pad(x, widths, constant_values=value)


def take(table: Array, indices: Array) -> Array:
    """table[indices], indices clamped to the rows there are."""
    return table[_clamped(indices, table.shape[0])]


def take_along_axis(x: Array, indices: Array, axis: int = -1) -> Array:
    """One element of x per index along an axis, indices clamped as in `take`."""
    return np.take_along_axis(x, _clamped(indices, x.shape[axis]), axis)


def _clamped(indices: Array, size: int) -> Array:
    return np.clip(indices, 0, size - 1)


def arange(size: int) -> Array:
    """0, 1, ..., size - 1."""
    return np.arange(size, dtype=np.int32)


def full(shape: Ints, value: float | int | bool, dtype: DType = "float") -> Array:
    """An array of one value."""
    return np.full(shape, value, NUMPY_DTYPES[dtype])


def constant(values: tuple[float, ...], dtype: DType = "float") -> Array:
    """An array of the given numbers."""
    return np.array(values, NUMPY_DTYPES[dtype])


def random_bits(shape: Ints, rng: np.random.Generator) -> Array:
    """Uniform int32 from the interpreter's generator."""
    return rng.integers(-(2**31), 2**31, shape, dtype=np.int32)


ARRAYS: dict[str, Callable[..., Any]] = {
    "reshape": reshape,
    "transpose": transpose,
    "broadcast_to": broadcast_to,
    "concatenate": concatenate,
    "index": index,
    "pad": pad,
    "take": take,
    "take_along_axis": take_along_axis,
    "arange": arange,
    "full": full,
    "constant": constant,
    "random_bits": random_bits,
}
