"""Primitives that rearrange, pick and make arrays."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code, literal_text, tuple_text
from polydl.emission.operators import Writer
from polydl.program.sizes import Size, same_shape
from polydl.program.types import Node
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
    parts = []
    for part in node.attributes["index"]:
        if isinstance(part, int):
            parts.append(str(part))
        else:
            start, stop, step = ("" if bound is None else str(bound) for bound in part)
            parts.append(f"{start}:{stop}:{step}" if step else f"{start}:{stop}")
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    rank = len(node.operands[0].shape)  # type: ignore[union-attr]
    if len(parts) == rank > 2 and all(part == ":" for part in parts[:-1]):
        parts = ["...", parts[-1]]
    if len(parts) == 1 and ":" in parts[0] and not isinstance(body, LayerBody):
        parts.append("...")  # a symbolic tensor takes no slice alone
    return Code(f"{args[0].atom}[{', '.join(parts) or '...'}]")


def _pad(body: Body, node: Node, args: list[Code]) -> Code:
    value = node.attributes.get("value", 0.0)
    return Code(pad_text(args[0].text, node.attributes["widths"], value))


def _concatenate(body: Body, node: Node, args: list[Code]) -> Code:
    items = ", ".join(a.text for a in args)
    return Code(f"ops.concatenate([{items}], axis={node.attributes.get('axis', -1)})")


def _arange(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f'ops.arange({body.sizes.size(node.attributes["size"]).text}, dtype="int32")')


def _full(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text if node.attributes["shape"] else "()"
    value = node.attributes["value"]
    shown = str(value) if isinstance(value, bool) else body.literal(value, "value")
    return Code(f"ops.full({shape}, {shown}, dtype={dtype_text(body, node.output.dtype)})")


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


def _take(body: Body, node: Node, args: list[Code]) -> Code:
    last = body.sizes.size(node.operands[0].shape[0] - 1).text  # type: ignore[union-attr]
    return Code(f"ops.take({args[0].text}, ops.clip({args[1].text}, 0, {last}), axis=0)")


def _take_along_axis(body: Body, node: Node, args: list[Code]) -> Code:
    axis = node.attributes.get("axis", -1)
    last = body.sizes.size(node.operands[0].shape[axis] - 1).text  # type: ignore[union-attr]
    return Code(
        f"ops.take_along_axis({args[0].text}, ops.clip({args[1].text}, 0, {last}), axis={axis})"
    )


PRIMITIVES: dict[str, Writer] = {
    "reshape": _reshape,
    "transpose": lambda body, node, args: transposed(args[0], node.attributes["axes"]),
    "broadcast_to": _broadcast_to,
    "concatenate": _concatenate,
    "index": _index,
    "pad": _pad,
    "take": _take,
    "take_along_axis": _take_along_axis,
    "arange": _arange,
    "full": _full,
    "constant": _constant,
    "random_bits": _random_bits,
}
