"""Primitives that rearrange, pick and make arrays."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code, constant_maker, literal_text
from polydl.emission.indexing import index_parts
from polydl.emission.operators import Writer
from polydl.emission.sizes import arange_text
from polydl.program.sizes import AnySize
from polydl.program.types import Node, Operand, Value
from polydl_torch.primitives.common import DTYPES, device_of, pad_text, parameter_of, transposed


def _reshape(body: Body, node: Node, args: list[Code]) -> Code:
    sizes = body.sizes.reshape_sizes(node.attributes["shape"])
    return Code(f"{args[0].atom}.reshape({', '.join(sizes) or '()'})")


def _index(body: Body, node: Node, args: list[Code]) -> Code:
    rank = len(node.operands[0].shape)  # type: ignore[union-attr]
    return Code(f"{args[0].atom}[{', '.join(index_parts(node.attributes['index'], rank))}]")


def _pad(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(
        pad_text(args[0].text, node.attributes["widths"], node.attributes.get("value", 0.0))
    )


def _concatenate(body: Body, node: Node, args: list[Code]) -> Code:
    items = ", ".join(a.text for a in args)
    return Code(f"torch.cat([{items}], dim={node.attributes.get('axis', -1)})")


def _arange(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"torch.arange({arange_text(body, node)}, dtype=torch.int32{device_of(body)})")


def _full(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text
    dtype, value = node.output.dtype, node.attributes["value"]
    named = "" if dtype == "float" else f", dtype={DTYPES[dtype]}"
    maker = constant_maker(value)
    if maker and dtype == "float" and (own := parameter_of(body)):
        return Code(f"{own}.new_{maker}({shape})")
    if maker:
        return Code(f"torch.{maker}({shape}{named}{device_of(body)})")
    value = body.literal(float(value) if dtype == "float" else value, "value")
    return Code(f"torch.full({shape}, {value}{named}{device_of(body)})")


def _constant(body: Body, node: Node, args: list[Code]) -> Code:
    dtype = node.output.dtype
    named = "" if dtype == "float" else f", dtype={DTYPES[dtype]}"
    items = ", ".join(map(literal_text, node.attributes["values"]))
    return Code(f"torch.tensor([{items}]{named}{device_of(body)})")


def _random_bits(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text
    return Code(f"torch.randint(-(2**31), 2**31, {shape}, dtype=torch.int32{device_of(body)})")


def _broadcast_to(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text
    if len(node.attributes["shape"]) > 1 and shape.startswith("("):
        shape = shape[1:-1]
    return Code(f"{args[0].atom}.expand({shape})")


def _take(body: Body, node: Node, args: list[Code]) -> Code:
    table: Value = node.operands[0]  # type: ignore[assignment]
    axis = node.attributes.get("axis", 0) % len(table.shape)
    indices = _clamped(body, table.shape[axis], node.operands[1], args[1]).text
    before = "..., " if axis and axis == len(table.shape) - 1 else ":, " * axis
    return Code(f"{args[0].atom}[{before}{indices}]")


def _clamped(body: Body, size: AnySize, operand: Operand, indices: Code) -> Code:
    if body.emitter.ranges.indexes(body.block, operand, size):
        return body.places(operand, indices)
    return Code(f"{indices.atom}.clamp(0, {body.sizes.size(size - 1).text})")


def _scatter_add(body: Body, node: Node, args: list[Code]) -> Code:
    """index_add takes a vector of indices."""
    x, indices, _ = node.operands
    rows = _clamped(body, x.shape[0], indices, args[1])  # type: ignore[union-attr]
    updates, rank = args[2], len(indices.shape)  # type: ignore[union-attr]
    if rank != 1:
        rows = Code(f"{rows.atom}.reshape(-1)")
        flat = f"flatten(0, {rank - 1})" if rank else "unsqueeze(0)"
        updates = Code(f"{updates.atom}.{flat}")
    return Code(f"{args[0].atom}.index_add(0, {rows.text}, {updates.text})")


def _flip(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"{args[0].atom}.flip({', '.join(map(str, node.attributes['axis']))})")


def _roll(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"{args[0].atom}.roll({node.attributes['shift']}, {node.attributes['axis']})")


def _take_along_axis(body: Body, node: Node, args: list[Code]) -> Code:
    axis = node.attributes.get("axis", -1)
    return Code(f"torch.take_along_dim({args[0].text}, {args[1].atom}.long(), {axis})")


PRIMITIVES: dict[str, Writer] = {
    "reshape": _reshape,
    "transpose": lambda body, node, args: transposed(args[0], node.attributes["axes"]),
    "broadcast_to": _broadcast_to,
    "concatenate": _concatenate,
    "index": _index,
    "pad": _pad,
    "take": _take,
    "take_along_axis": _take_along_axis,
    "scatter_add": _scatter_add,
    "flip": _flip,
    "roll": _roll,
    "arange": _arange,
    "full": _full,
    "constant": _constant,
    "random_bits": _random_bits,
}
