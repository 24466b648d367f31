"""Primitives that reduce, add up or order along axes, and products of arrays."""

from __future__ import annotations

from polydl.errors import ShapeError
from polydl.primitives.equations import DOTS, Equation
from polydl.primitives.record import (
    Type,
    broadcast,
    normal_axes,
    normal_axis,
    primitive,
    require_dtype,
)
from polydl.program.sizes import AnySize, Shape, same
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
_reduction("prod", "the product over axes", "float", "int", derivative="right where factors are 0")
_reduction("max", "the largest over axes", "float", "int", derivative="split evenly among ties")
_reduction("min", "the smallest over axes", "float", "int", derivative="split evenly among ties")
_reduction("any", "whether any over axes holds", "bool")
_reduction("all", "whether all over axes hold", "bool")


def _position(name: str, meaning: str) -> None:
    @primitive(name, meaning, axis=-1)
    def rule(x: Type, axis: int) -> Type:
        require_dtype(name, x, "float", "int")
        axis = normal_axis(name, axis, len(x.shape))
        return Type(_reduced(name, x, axis, False), "int")


_position("argmax", "index of the largest along an axis, the first among equals")
_position("argmin", "index of the smallest along an axis, the first among equals")


def _along(name: str, meaning: str, *dtypes: DType, derivative: str = "") -> None:
    """What keeps the shape."""

    @primitive(name, meaning, axis=-1, derivative=derivative)
    def rule(x: Type, axis: int) -> Type:
        require_dtype(name, x, *dtypes)
        normal_axis(name, axis, len(x.shape))
        return x


_along("cumsum", "the sum of the elements up to each, along an axis", "float", "int")
_along("cumprod", "the product of the elements up to each, along an axis", "float", "int",
       derivative="right where factors are 0")  # fmt: skip
_along("sort", "the elements in ascending order, along an axis", "float", "int",
       derivative="to each element from the place where a stable order puts it")  # fmt: skip


@primitive("argsort", "the indices that sort an axis; of equals the first comes first", axis=-1)
def _argsort(x: Type, axis: int) -> Type:
    require_dtype("argsort", x, "float", "int")
    normal_axis("argsort", axis, len(x.shape))
    return Type(x.shape, "int")


@primitive("einsum", "sums of products of elements, as the equation says", -1, equation=...)
def _einsum(*operands: Type, equation: str) -> Type:
    for x in operands:
        require_dtype("einsum", x, "float")
    shapes = [x.shape for x in operands]
    parsed = Equation.parse(equation, [len(shape) for shape in shapes])
    if parsed.text != equation:
        raise ShapeError(f"einsum: {equation!r} should be written {parsed.text!r}")
    sizes: dict[str, AnySize] = {}
    for letter, size in parsed.named(shapes):
        if not same(sizes.setdefault(letter, size), size):
            raise ShapeError(f"einsum: {letter!r} of {equation!r} is {sizes[letter]} and {size}")
    before, dots, after = parsed.output.partition(DOTS)
    leading = broadcast("einsum", *parsed.leading(shapes)) if dots else ()
    return Type((*(sizes[x] for x in before), *leading, *(sizes[x] for x in after)), "float")


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
