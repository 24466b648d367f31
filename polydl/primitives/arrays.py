"""Primitives that rearrange, pick and make arrays."""

from __future__ import annotations

from polydl.errors import DTypeError, ShapeError
from polydl.primitives.record import (
    Type,
    broadcast,
    normal_axes,
    normal_axis,
    primitive,
    require_dtype,
)
from polydl.program.sizes import AnySize, Shape, product, same, same_shape
from polydl.program.types import DType

Slice = tuple[int | None, int | None, int | None]


@primitive("reshape", "the same elements in C order under another shape (sizes, no -1)", shape=...)
def _reshape(x: Type, shape: Shape) -> Type:
    if any(isinstance(size, int) and size < 0 for size in shape):
        raise ShapeError(f"reshape: {tuple(shape)} has a negative size")
    if not same(product(x.shape), product(shape)):
        raise ShapeError(f"reshape: {x} has another number of elements than {tuple(shape)}")
    return Type(tuple(shape), x.dtype)


@primitive("transpose", "axes in another order", axes=...)
def _transpose(x: Type, axes: tuple[int, ...]) -> Type:
    if sorted(axes) != list(range(len(x.shape))):
        raise ShapeError(f"transpose: {axes} is no order of the axes of {x}")
    return Type(tuple(x.shape[axis] for axis in axes), x.dtype)


@primitive("broadcast_to", "x repeated to a larger shape", shape=...)
def _broadcast_to(x: Type, shape: Shape) -> Type:
    full = broadcast("broadcast_to", x.shape, tuple(shape))
    if len(full) != len(shape) or not all(map(same, full, shape)):
        raise ShapeError(f"broadcast_to: {x} does not broadcast to {tuple(shape)}")
    return Type(full, x.dtype)


@primitive("concatenate", "arrays joined along an axis", arity=-1, axis=-1)
def _concatenate(*parts: Type, axis: int) -> Type:
    first = parts[0]
    axis = normal_axis("concatenate", axis, len(first.shape))
    total: AnySize = 0
    for part in parts:
        require_dtype("concatenate", part, first.dtype)
        others = [
            (a, b)
            for i, (a, b) in enumerate(zip(part.shape, first.shape, strict=False))
            if i != axis
        ]
        if len(part.shape) != len(first.shape) or not all(same(a, b) for a, b in others):
            raise ShapeError(f"concatenate: {part} does not join {first} along axis {axis}")
        total = total + part.shape[axis]
    return Type((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype)


@primitive("index", "x[...]: per axis an int or a slice (start, stop, step) of ints", index=...)
def _index(x: Type, index: tuple[int | Slice, ...]) -> Type:
    if len(index) > len(x.shape):
        raise ShapeError(f"index: {len(index)} indices for {x}")
    shape: list[AnySize] = []
    for part, size in zip(index, x.shape, strict=False):
        if isinstance(part, int):
            if isinstance(size, int) and not -size <= part < size:
                raise ShapeError(f"index: {part} is out of range for an axis of {size}")
            continue
        shape.append(_sliced(size, *part))
    return Type((*shape, *x.shape[len(index) :]), x.dtype)


def _sliced(size: AnySize, start: int | None, stop: int | None, step: int | None) -> AnySize:
    if step is not None and step < 1:
        raise ShapeError(f"index: a slice's step must be positive, got {step}")
    if isinstance(size, int):
        return len(range(*slice(start, stop, step).indices(size)))
    if (start or 0, stop) == (0, 1) or (start, stop) == (-1, None):
        return 1  # an axis has an element at least
    if (start is None or start >= 0) and (stop is None or stop < 0):
        length = size + (stop or 0) - (start or 0)
        return length if step in (None, 1) else (length + step - 1) // step
    raise ShapeError(
        f"index: the slice {_bounds(start, stop, step)} of an axis of {size} has no size that can be "
        "told. Where there are enough elements use ops.take(x, ops.arange(start, stop), axis), whose "
        "bounds may be sizes such as x.shape[axis] - 3"
    )


def _bounds(*bounds: int | None) -> str:
    return ":".join("" if bound is None else str(bound) for bound in bounds).removesuffix(":")


@primitive("pad", "x with `value` added before and after along each axis", widths=..., value=0.0)
def _pad(x: Type, widths: tuple[tuple[int, int], ...], value: float) -> Type:
    if len(widths) != len(x.shape) or any(low < 0 or high < 0 for low, high in widths):
        raise ShapeError(f"pad: {widths} is no (before, after) for each axis of {x}")
    _require_value("pad", value, x.dtype)
    return Type(
        tuple(size + low + high for size, (low, high) in zip(x.shape, widths, strict=True)), x.dtype
    )


@primitive(
    "take",
    "rows of a table, along an axis; an index out of range takes the nearest row",
    2,
    axis=0,
)
def _take(table: Type, indices: Type, axis: int) -> Type:
    require_dtype("take", indices, "int")
    if not table.shape:
        raise ShapeError(f"take: {table} has no rows")
    axis = normal_axis("take", axis, len(table.shape))
    return Type((*table.shape[:axis], *indices.shape, *table.shape[axis + 1 :]), table.dtype)


@primitive(
    "take_along_axis", "x[..., indices, ...]: one element per index along an axis", 2, axis=-1
)
def _take_along_axis(x: Type, indices: Type, axis: int) -> Type:
    require_dtype("take_along_axis", indices, "int")
    axis = normal_axis("take_along_axis", axis, len(x.shape))
    others = [
        (a, b) for i, (a, b) in enumerate(zip(x.shape, indices.shape, strict=False)) if i != axis
    ]
    if len(x.shape) != len(indices.shape) or not all(same(a, b) for a, b in others):
        raise ShapeError(f"take_along_axis: {indices} does not index {x} along axis {axis}")
    return Type(indices.shape, x.dtype)


@primitive(
    "scatter_add",
    "x with each row of updates added at its index; out of range adds to the nearest row",
    3,
)
def _scatter_add(x: Type, indices: Type, updates: Type) -> Type:
    require_dtype("scatter_add", x, "float", "int")
    require_dtype("scatter_add", indices, "int")
    require_dtype("scatter_add", updates, x.dtype)
    wanted = (*indices.shape, *x.shape[1:])
    if not x.shape or not same_shape(updates.shape, wanted):
        raise ShapeError(f"scatter_add: {updates} are no updates of {x} at {indices}")
    return x


@primitive("flip", "the elements of axes in reverse order", axis=...)
def _flip(x: Type, axis: tuple[int, ...]) -> Type:
    normal_axes("flip", axis, len(x.shape))
    return x


@primitive("roll", "the elements of an axis moved on by shift, the last ones to the front",
           shift=..., axis=...)  # fmt: skip
def _roll(x: Type, shift: int, axis: int) -> Type:
    normal_axis("roll", axis, len(x.shape))
    return x


@primitive("arange", "start, start + step, ...: size of them, as int32", 0, size=..., start=0,
           step=1)  # fmt: skip
def _arange(size: AnySize, start: AnySize, step: int) -> Type:
    if step == 0:
        raise ShapeError("arange: the step is not 0")
    return Type((size,), "int")


@primitive("full", "an array of one value", arity=0, shape=..., value=..., dtype="float")
def _full(shape: Shape, value: float | int | bool, dtype: DType) -> Type:
    _require_value("full", value, dtype)
    return Type(tuple(shape), dtype)


@primitive(
    "constant", "an array of the given numbers, along one axis", 0, values=..., dtype="float"
)
def _constant(values: tuple[float, ...], dtype: DType) -> Type:
    for value in values:
        _require_value("constant", value, dtype)
    return Type((len(values),), dtype)


@primitive("random_bits", "independent uniform int32, new at each call; nothing to differentiate", 0,
           shape=...)  # fmt: skip
def _random_bits(shape: Shape) -> Type:
    return Type(tuple(shape), "int")


def _require_value(name: str, value: float | int | bool, dtype: DType) -> None:
    """A fill value that the dtype can hold."""
    if dtype != "float" and value != int(value):
        raise DTypeError(f"{name}: {value!r} is no {dtype} value")
