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


def take(table: Array, indices: Array, axis: int = 0) -> Array:
    """Rows along an axis, indices clamped to the rows there are."""
    return np.take(table, _clamped(indices, table.shape[axis]), axis)


def take_along_axis(x: Array, indices: Array, axis: int = -1) -> Array:
    """One element of x per index along an axis, indices clamped as in `take`."""
    return np.take_along_axis(x, _clamped(indices, x.shape[axis]), axis)


def _clamped(indices: Array, size: int) -> Array:
    return np.clip(indices, 0, size - 1)


def scatter_add(x: Array, indices: Array, updates: Array) -> Array:
    """x with updates added row by row, indices clamped as in `take`."""
    total = x.copy()
    np.add.at(total, _clamped(indices, len(x)), updates)
    return total


def flip(x: Array, axis: Ints) -> Array:
    """Axes in reverse order."""
    return np.flip(x, axis)


def roll(x: Array, shift: int, axis: int) -> Array:
    """An axis moved on, round its end."""
    return np.roll(x, shift, axis)


def arange(size: int, start: int = 0, step: int = 1) -> Array:
    """start, start + step, ..."""
    return np.arange(size, dtype=np.int32) * np.int32(step) + np.int32(start)


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
    "scatter_add": scatter_add,
    "flip": flip,
    "roll": roll,
    "arange": arange,
    "full": full,
    "constant": constant,
    "random_bits": random_bits,
}
