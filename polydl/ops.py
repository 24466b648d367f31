"""Operations on tensors, with NumPy's names: what definitions are written in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polydl.errors import ShapeError
from polydl.primitives.record import normal_axis
from polydl.program.sizes import AnySize, Shape, floor_divide, product, same
from polydl.program.types import DType, Scalar
from polydl.spec.apply import apply
from polydl.spec.tensor import Tensor

Axes = int | tuple[int, ...] | None
Number = Tensor | Scalar


def exp(x: Tensor) -> Tensor:
    """e^x."""
    return apply("exp", x)


def log(x: Tensor) -> Tensor:
    """Natural logarithm."""
    return apply("log", x)


def sqrt(x: Tensor) -> Tensor:
    """Square root."""
    return apply("sqrt", x)


def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x)."""
    return apply("rsqrt", x)


def erf(x: Tensor) -> Tensor:
    """Error function."""
    return apply("erf", x)


def sin(x: Tensor) -> Tensor:
    """The sine of x radians."""
    return apply("sin", x)


def cos(x: Tensor) -> Tensor:
    """The cosine of x radians."""
    return apply("cos", x)


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return apply("tanh", x)


def absolute(x: Tensor) -> Tensor:
    """|x|; its derivative at 0 is 0."""
    return apply("absolute", x)


def maximum(a: Number, b: Number) -> Tensor:
    """The larger of two; at a tie each gets half of the derivative."""
    return apply("maximum", a, b)


def minimum(a: Number, b: Number) -> Tensor:
    """The smaller of two; at a tie each gets half of the derivative."""
    return apply("minimum", a, b)


def where(condition: Tensor, a: Number, b: Number) -> Tensor:
    """`a` where `condition` holds, `b` elsewhere."""
    return apply("where", condition, a, b)


def stop_gradient(x: Tensor) -> Tensor:
    """x, counted as a constant by differentiation."""
    return apply("stop_gradient", x)


def shift_right_logical(x: Tensor, bits: int) -> Tensor:
    """x >> bits on int32, filling with zeros."""
    return apply("shift_right_logical", x, bits=bits)


def sum(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Sum over axes; all of them by default."""
    return apply("sum", x, axis=_axes(x, axis), keepdims=keepdims)


def mean(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Mean over axes; all of them by default."""
    return apply("mean", x, axis=_axes(x, axis), keepdims=keepdims)


def max(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Largest over axes; ties share the derivative evenly."""
    return apply("max", x, axis=_axes(x, axis), keepdims=keepdims)


def min(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Smallest over axes; ties share the derivative evenly."""
    return apply("min", x, axis=_axes(x, axis), keepdims=keepdims)


def argmax(x: Tensor, axis: int = -1) -> Tensor:
    """Index of the largest along an axis; the first among equals."""
    return apply("argmax", x, axis=axis)


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Matrix product of the last two axes."""
    return apply("matmul", a, b)


def reshape(x: Tensor, shape: Sequence[AnySize]) -> Tensor:
    """The same elements in C order; one size may be -1."""
    sizes = tuple(shape)
    open_axes = [i for i, size in enumerate(sizes) if isinstance(size, int) and size == -1]
    if len(open_axes) > 1:
        raise ShapeError(f"reshape: only one size may be -1, got {sizes}")
    if open_axes:
        known = product(size for i, size in enumerate(sizes) if i != open_axes[0])
        rest = 0 if same(known, 0) else floor_divide(product(x.shape), known)
        sizes = (*sizes[: open_axes[0]], rest, *sizes[open_axes[0] + 1 :])
    return apply("reshape", x, shape=sizes)


def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Axes in another order; reversed by default."""
    if axes is None:
        return apply("transpose", x, axes=tuple(range(x.ndim))[::-1])
    order = tuple(normal_axis("transpose", axis, x.ndim) for axis in axes)
    return apply("transpose", x, axes=order)


def broadcast_to(x: Tensor, shape: Shape) -> Tensor:
    """x repeated to `shape`."""
    return apply("broadcast_to", x, shape=tuple(shape))


def concatenate(parts: Sequence[Tensor], axis: int = -1) -> Tensor:
    """Arrays joined along an axis."""
    return apply("concatenate", *parts, axis=axis)


def pad(x: Tensor, widths: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """x with `value` before and after, per axis."""
    return apply("pad", x, widths=tuple(map(tuple, widths)), value=float(value))


def take(table: Tensor, indices: Tensor) -> Tensor:
    """Rows of a table by index. Out of range takes the nearest row, on every backend."""
    return apply("take", table, indices)


def take_along_axis(x: Tensor, indices: Tensor, axis: int = -1) -> Tensor:
    """One element per index along an axis."""
    return apply("take_along_axis", x, indices, axis=axis)


def update_slice(x: Tensor, part: Tensor, start: Number, axis: int = 0) -> Tensor:
    """x with `part` in place of its slice from `start` on, along an axis.

    start: an int scalar, known when the model runs. From where part would not fit, it is moved until
    it does.
    """
    return apply("update_slice", x, part, start, axis=normal_axis("update_slice", axis, x.ndim))


def arange(size: AnySize) -> Tensor:
    """0, 1, ..., size - 1."""
    return apply("arange", size=size)


def full(shape: Shape, value: Scalar, dtype: DType = "float") -> Tensor:
    """An array of one value."""
    value = float(value) if dtype == "float" else value
    return apply("full", shape=tuple(shape), value=value, dtype=dtype)


def constant(values: Sequence[Scalar], dtype: DType = "float") -> Tensor:
    """An array of the given numbers, along one axis."""
    given = tuple(float(v) if dtype == "float" else v for v in values)
    return apply("constant", values=given, dtype=dtype)


def random_bits(shape: Shape) -> Tensor:
    """Independent uniform int32; new ones at each call."""
    return apply("random_bits", shape=tuple(shape))


def conv(x: Tensor, kernel: Tensor, **attributes: Any) -> Tensor:
    """Convolution of channels-last x with kernel (window..., inputs / groups, outputs)."""
    return apply("conv", x, kernel, **attributes)


def conv_transpose(x: Tensor, kernel: Tensor, **attributes: Any) -> Tensor:
    """Transposed convolution of channels-last x with kernel (window..., outputs / groups, inputs)."""
    return apply("conv_transpose", x, kernel, **attributes)


def window_max(x: Tensor, **attributes: Any) -> Tensor:
    """Largest of each window."""
    return apply("window_max", x, **attributes)


def window_sum(x: Tensor, **attributes: Any) -> Tensor:
    """Sum of each window; padding counts as 0."""
    return apply("window_sum", x, **attributes)


def _axes(x: Tensor, axis: Axes) -> Axes:
    """Axes as the author gave them; None means all, spelled out."""
    return tuple(range(x.ndim)) if axis is None else axis
