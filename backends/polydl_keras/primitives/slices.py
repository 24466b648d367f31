"""Slices at places that are known only when the model runs."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code
from polydl.emission.operators import Writer
from polydl.program.types import Node

UPDATE_SLICE = '''def update_slice(x, part, start, axis):
    """ops.slice_update, which has no derivative on TensorFlow."""
    size, room = ops.shape(part)[axis], ops.shape(x)[axis]
    place = ops.arange(room, dtype="int32") - ops.clip(start, 0, room - size)
    moved = ops.take(part, ops.clip(place, 0, size - 1), axis=axis)
    inside = ops.logical_and(place >= 0, place < size)
    return ops.where(ops.reshape(inside, [-1] + [1] * (x.ndim - axis - 1)), moved, x)'''


def _update_slice(body: Body, node: Node, args: list[Code]) -> Code:
    body.emitter.use_support("update_slice")
    return Code(f"update_slice({', '.join(a.text for a in args)}, {node.attributes['axis']})")


PRIMITIVES: dict[str, Writer] = {"update_slice": _update_slice}
SUPPORT = {"update_slice": UPDATE_SLICE}
