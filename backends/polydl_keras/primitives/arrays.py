"""Primitives that rearrange, pick and make arrays."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import ADD, Code, binary, constant_maker, literal_text, tuple_text
from polydl.emission.indexing import index_parts
from polydl.emission.operators import Writer
from polydl.emission.sizes import arange_text
from polydl.program.sizes import Size, same_shape
from polydl.program.types import Node, Value
from polydl_keras.bodies import LayerBody
from polydl_keras.primitives.common import (
    dtype_text,
    pad_text,
    transposed,
)


def _reshape(body: Body, node: Node, args: list[Code]) -> Code:
    """-1 for one unknown size; others are read off what is in scope."""
    shape = node.attributes["shape"]
    unknown = [i for i, size in enumerate(shape) if isinstance(size, Size)]
    if len(unknown) > 1 and any(same_shape(v.shape, shape) for v in body.bound.values()):
        return Code(f"ops.reshape({args[0].text}, {body.sizes.shape(shape).text})")
    sizes = [
        "-1" if [i] == unknown[:1] else body.sizes.size(size, "features").text
        for i, size in enumerate(shape)
    ]
    return Code(f"ops.reshape({args[0].text}, {tuple_text(sizes) if sizes else '()'})")


def _index(body: Body, node: Node, args: list[Code]) -> Code:
    rank = len(node.operands[0].shape)  # type: ignore[union-attr]
    parts = index_parts(node.attributes["index"], rank)
    if len(parts) == 1 and ":" in parts[0] and not isinstance(body, LayerBody):
        parts.append("...")  # a symbolic tensor takes no slice alone
    return Code(f"{args[0].atom}[{', '.join(parts) or '...'}]")


def _pad(body: Body, node: Node, args: list[Code]) -> Code:
    value = node.attributes.get("value", 0.0)
    if node.output.dtype == "int":  # which TensorFlow does not turn a float into
        value = int(value)
    return Code(pad_text(args[0].text, node.attributes["widths"], value))


def _concatenate(body: Body, node: Node, args: list[Code]) -> Code:
    items = ", ".join(a.text for a in args)
    return Code(f"ops.concatenate([{items}], axis={node.attributes.get('axis', -1)})")


def _arange(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f'ops.arange({arange_text(body, node)}, dtype="int32")')


def _full(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text if node.attributes["shape"] else "()"
    value, dtype = node.attributes["value"], dtype_text(body, node.output.dtype)
    if maker := constant_maker(value):
        return Code(f"ops.{maker}({shape}, dtype={dtype})")
    shown = str(value) if isinstance(value, bool) else body.literal(value, "value")
    return Code(f"ops.full({shape}, {shown}, dtype={dtype})")


def _constant(body: Body, node: Node, args: list[Code]) -> Code:
    items = ", ".join(map(literal_text, node.attributes["values"]))
    return Code(f"ops.array([{items}], dtype={dtype_text(body, node.output.dtype)})")


def _random_bits(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text if node.attributes["shape"] else "()"
    bounds = '-(2**31), 2**31 - 1, dtype="int32", seed=self.seed_generator'
    return Code(f"keras.random.randint({shape}, {bounds})")


def _broadcast_to(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(
        f"ops.broadcast_to({args[0].text}, {body.sizes.shape(node.attributes['shape']).text})"
    )


def _picking(function: str, default: int) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        axis = node.attributes.get("axis", default)
        indices = _clamped(body, node, axis, args[1])
        return Code(f"ops.{function}({args[0].text}, {indices}, axis={axis})")

    return write


def _clamped(body: Body, node: Node, axis: int, indices: Code) -> str:
    """Indices of an axis of the first operand."""
    size = node.operands[0].shape[axis]  # type: ignore[union-attr]
    if body.emitter.ranges.indexes(body.block, node.operands[1], size):
        return body.places(node.operands[1], indices).text
    last = body.sizes.size(size - 1).text
    return f"ops.clip({indices.text}, 0, {last})"


def _scatter_add(body: Body, node: Node, args: list[Code]) -> Code:
    """keras.ops adds at indices into zeros only."""
    x, indices, _ = node.operands
    rows, rank = _clamped(body, node, 0, args[1]), len(indices.shape)  # type: ignore[union-attr]
    given = args[2].text
    if rank != 1:
        rest = [body.sizes.size(s, "features").text for s in x.shape[1:]]  # type: ignore[union-attr]
        rows, given = f"ops.ravel({rows})", f"ops.reshape({given}, {tuple_text(['-1', *rest])})"
    count = body.sizes.size(x.shape[0]).text  # type: ignore[union-attr]
    added = Code(f"ops.segment_sum({given}, {rows}, {count})")
    start = body.producers.get(x.id) if isinstance(x, Value) else None
    if start is not None and start.op == "full" and start.attributes["value"] == 0:
        return added
    return binary(args[0], "+", added, ADD)


def _flip(body: Body, node: Node, args: list[Code]) -> Code:
    axes = node.attributes["axis"]
    return Code(f"ops.flip({args[0].text}, axis={axes[0] if len(axes) == 1 else axes})")


def _roll(body: Body, node: Node, args: list[Code]) -> Code:
    a = node.attributes
    return Code(f"ops.roll({args[0].text}, {a['shift']}, axis={a['axis']})")


PRIMITIVES: dict[str, Writer] = {
    "reshape": _reshape,
    "transpose": lambda body, node, args: transposed(args[0], node.attributes["axes"]),
    "broadcast_to": _broadcast_to,
    "concatenate": _concatenate,
    "index": _index,
    "pad": _pad,
    "take": _picking("take", 0),
    "take_along_axis": _picking("take_along_axis", -1),
    "scatter_add": _scatter_add,
    "flip": _flip,
    "roll": _roll,
    "arange": _arange,
    "full": _full,
    "constant": _constant,
    "random_bits": _random_bits,
}
