"""Operations that make arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from polydl.errors import DefinitionError, ShapeError
from polydl.primitives.record import integers, sizes
from polydl.program.sizes import AnySize, Shape, floor_divide
from polydl.program.types import DType, Scalar
from polydl.program.unboxed import unboxed
from polydl.spec.apply import apply
from polydl.spec.tensor import Tensor

Array = np.ndarray[Any, Any]


def full(shape: Shape, value: Scalar, dtype: DType = "float") -> Tensor:
    """An array of one value."""
    value = float(value) if dtype == "float" else value
    return apply("full", shape=sizes("full", shape), value=value, dtype=dtype)


def constant(values: Sequence[Scalar] | Array, dtype: DType = "float") -> Tensor:
    """An array of the given numbers, along one axis, or of NumPy's array. The text holds them all."""
    if isinstance(values, np.ndarray) and values.ndim != 1:
        return apply("reshape", constant(values.ravel(), dtype), shape=values.shape)
    values = unboxed(list(values))
    if not all(isinstance(v, (bool, int, float)) for v in values):
        raise DefinitionError(f"constant takes numbers along one axis, got {values!r}")
    given = tuple(float(v) if dtype == "float" else v for v in values)
    return apply("constant", values=given, dtype=dtype)


def zeros(shape: Shape, dtype: DType = "float") -> Tensor:
    """An array of zeros, or of False."""
    return full(shape, False if dtype == "bool" else 0, dtype)


def ones(shape: Shape, dtype: DType = "float") -> Tensor:
    """An array of ones, or of True."""
    return full(shape, True if dtype == "bool" else 1, dtype)


def full_like(x: Tensor, value: Scalar) -> Tensor:
    """An array of one value, of x's shape and dtype."""
    return full(x.shape, value, x.dtype)


def zeros_like(x: Tensor) -> Tensor:
    """An array of zeros, of x's shape and dtype."""
    return zeros(x.shape, x.dtype)


def ones_like(x: Tensor) -> Tensor:
    """An array of ones, of x's shape and dtype."""
    return ones(x.shape, x.dtype)


def arange(start: Any, stop: Any = None, step: Any = 1) -> Tensor:
    """start, start + step, ... before stop, from 0 where one number is given.

    As ints; as floats where one of the numbers is a float, ceil((stop - start) / step) of them.
    """
    if stop is None:
        start, stop = 0, start
    start, stop, step = unboxed((start, stop, step))
    if any(isinstance(number, float) for number in (start, stop, step)):
        return _float_range(start, stop, step)
    start, stop, step = integers("arange", "start, stop and step", (start, stop, step))
    if step == 0:
        raise DefinitionError("arange: the step is not 0")
    size = stop - start if step == 1 else -floor_divide(start - stop, step)
    if isinstance(size, int):
        size = max(size, 0)
    more = {
        k: v for k, v, usual in (("start", start, 0), ("step", step, 1)) if str(v) != str(usual)
    }
    return apply("arange", size=size, **more)


def _float_range(start: Any, stop: Any, step: Any) -> Tensor:
    if any(isinstance(x, bool) or not isinstance(x, (int, float)) for x in (start, stop, step)):
        raise DefinitionError(
            f"arange: start, stop and step are numbers, got {start!r}, {stop!r}, {step!r}. With sizes "
            'use ops.arange(n).astype("float") * step + start'
        )
    if step == 0:
        raise DefinitionError("arange: the step is not 0")
    position = arange(max(0, math.ceil((stop - start) / step))).astype("float")
    spaced = position if step == 1 else position * float(step)
    return spaced + float(start) if start else spaced


def linspace(start: float, stop: float, num: int = 50, endpoint: bool = True) -> Tensor:
    """`num` evenly spaced floats from start to stop, that included unless `endpoint` is False."""
    if num < 0:
        raise ShapeError(f"linspace: {num} numbers are too few")
    gaps = num - 1 if endpoint else num
    step = (stop - start) / gaps if gaps > 0 else 0.0
    position = arange(num).astype("float")
    return position * step + float(start) if start else position * step


def eye(
    rows: AnySize, columns: AnySize | None = None, k: int = 0, dtype: DType = "float"
) -> Tensor:
    """Ones on the k-th diagonal, zeros elsewhere; square by default."""
    columns = rows if columns is None else columns
    sizes("eye", (rows, columns))
    column = arange(columns) if k == 0 else arange(-k, columns - k)
    return (arange(rows)[:, None] == column).astype(dtype)
