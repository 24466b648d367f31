"""Slices at places that are known only when the model runs."""

from __future__ import annotations

from polydl.errors import ShapeError
from polydl.primitives.record import Type, normal_axis, primitive, require_dtype
from polydl.program.sizes import same


@primitive(
    "update_slice",
    "x with `part` in place of its slice from `start` (an int scalar) on, along an axis; a start from "
    "which part would not fit is the nearest from which it does",
    3,
    axis=...,
)
def _update_slice(x: Type, part: Type, start: Type, axis: int) -> Type:
    require_dtype("update_slice", part, x.dtype)
    require_dtype("update_slice", start, "int")
    axis = normal_axis("update_slice", axis, len(x.shape))
    fits = len(x.shape) == len(part.shape) and all(
        same(a, b) or i == axis for i, (a, b) in enumerate(zip(x.shape, part.shape, strict=True))
    )
    if not fits or start.shape:
        raise ShapeError(f"update_slice: {part} at {start} is no slice of {x} along axis {axis}")
    size, room = part.shape[axis], x.shape[axis]
    if isinstance(size, int) and isinstance(room, int) and size > room:
        raise ShapeError(f"update_slice: {part} is longer than {x} along axis {axis}")
    return Type(x.shape, x.dtype)
