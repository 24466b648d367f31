"""Primitives that reduce axes, and the matrix product."""

from __future__ import annotations

from polydl.errors import ShapeError
from polydl.primitives.record import (
    Type,
    broadcast,
    normal_axes,
    normal_axis,
    primitive,
    require_dtype,
)
from polydl.program.sizes import Shape, same
from polydl.program.types import DType


def _reduced(name: str, x: Type, axis: int | tuple[int, ...] | None, keepdims: bool) -> Shape:
    axes = normal_axes(name, axis, len(x.shape))
    if keepdims:
        return tuple(1 if i in axes else size for i, size in enumerate(x.shape))
    return tuple(size for i, size in enumerate(x.shape) if i not in axes)


def _reduction(name: str, meaning: str, *dtypes: DType, derivative: str = "") -> None:
    @primitive(name, meaning, derivative=derivative, axis=None, keepdims=False)
    def rule(x: Type, axis: int | tuple[int, ...] | None, keepdims: bool) -> Type:
        require_dtype(name, x, *dtypes)
        return Type(_reduced(name, x, axis, keepdims), x.dtype)


_reduction("sum", "the sum over axes", "float", "int")
_reduction("mean", "the mean over axes", "float")
_reduction("max", "the largest over axes", "float", "int", derivative="split evenly among ties")
_reduction("min", "the smallest over axes", "float", "int", derivative="split evenly among ties")


@primitive("argmax", "index of the largest along an axis, the first among equals", axis=-1)
def _argmax(x: Type, axis: int) -> Type:
    require_dtype("argmax", x, "float", "int")
    axis = normal_axis("argmax", axis, len(x.shape))
    return Type(_reduced("argmax", x, axis, False), "int")


@primitive(
    "matmul", "a @ b: sums over a's last axis and b's last but one; leading axes broadcast", 2
)
def _matmul(a: Type, b: Type) -> Type:
    require_dtype("matmul", a, "float")
    require_dtype("matmul", b, "float")
    if len(a.shape) < 2 or len(b.shape) < 2:
        raise ShapeError(f"matmul takes matrices (2 axes or more), got {a} and {b}")
    if not same(a.shape[-1], b.shape[-2]):
        raise ShapeError(f"matmul: {a} has {a.shape[-1]} columns, {b} has {b.shape[-2]} rows")
    leading = broadcast("matmul", a.shape[:-2], b.shape[:-2])
    return Type((*leading, a.shape[-2], b.shape[-1]), "float")
