"""Primitives that rearrange, pick and make arrays."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code, constant_maker, literal_text
from polydl.emission.indexing import index_parts
from polydl.emission.operators import Writer
from polydl.emission.sizes import arange_text
from polydl.errors import BackendError
from polydl.program.types import Node
from polydl_flax.primitives.common import number, own_dtype, transposed


def _reshape(body: Body, node: Node, args: list[Code]) -> Code:
    sizes = body.sizes.reshape_sizes(node.attributes["shape"])
    return Code(f"{args[0].atom}.reshape({', '.join(sizes) or '()'})")


def _broadcast_to(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text
    return Code(f"jnp.broadcast_to({args[0].text}, {shape})")


def _concatenate(body: Body, node: Node, args: list[Code]) -> Code:
    items = ", ".join(a.text for a in args)
    return Code(f"jnp.concatenate([{items}], axis={node.attributes.get('axis', -1)})")


def _index(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"{args[0].atom}[{', '.join(index_parts(node.attributes['index'])) or '...'}]")


def _pad(body: Body, node: Node, args: list[Code]) -> Code:
    value = node.attributes.get("value", 0.0)
    kind = {"float": float, "int": int, "bool": bool}[node.output.dtype]
    fill = f", constant_values={number(kind(value))}" if value else ""
    return Code(f"jnp.pad({args[0].text}, {node.attributes['widths']}{fill})")


def _take(body: Body, node: Node, args: list[Code]) -> Code:
    axis = node.attributes.get("axis", 0)
    return Code(f'jnp.take({args[0].text}, {args[1].text}, axis={axis}, mode="clip")')


def _scatter_add(body: Body, node: Node, args: list[Code]) -> Code:
    last = body.sizes.size(node.operands[0].shape[0] - 1).text  # type: ignore[union-attr]
    return Code(f"{args[0].atom}.at[jnp.clip({args[1].text}, 0, {last})].add({args[2].text})")


def _flip(body: Body, node: Node, args: list[Code]) -> Code:
    axes = node.attributes["axis"]
    return Code(f"jnp.flip({args[0].text}, axis={axes[0] if len(axes) == 1 else axes})")


def _roll(body: Body, node: Node, args: list[Code]) -> Code:
    a = node.attributes
    return Code(f"jnp.roll({args[0].text}, {a['shift']}, axis={a['axis']})")


def _arange(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"jnp.arange({arange_text(body, node)}, dtype=jnp.int32)")


def _full(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text
    value, dtype = node.attributes["value"], own_dtype(body, node.output.dtype)
    if maker := constant_maker(value):
        return Code(f"jnp.{maker}({shape}, {dtype})")
    return Code(f"jnp.full({shape}, {body.literal(value, 'value')}, {dtype})")


def _constant(body: Body, node: Node, args: list[Code]) -> Code:
    items = ", ".join(map(literal_text, node.attributes["values"]))
    return Code(f"jnp.array([{items}], {own_dtype(body, node.output.dtype)})")


def _random_bits(body: Body, node: Node, args: list[Code]) -> Code:
    """From the module's own stream, `self.rngs`; see FlaxEmitter.mode_lines."""
    if not body.unit.is_module:
        name = body.block.class_name
        raise BackendError(f"{name} draws random numbers: on Flax only a Module can")
    shape = body.sizes.shape(node.attributes["shape"]).text
    return Code(f"self.rngs.bits({shape}, jnp.uint32).view(jnp.int32)")


PRIMITIVES: dict[str, Writer] = {
    "reshape": _reshape,
    "transpose": lambda body, node, args: transposed(args[0], node.attributes["axes"]),
    "broadcast_to": _broadcast_to,
    "concatenate": _concatenate,
    "index": _index,
    "pad": _pad,
    "take": _take,
    "scatter_add": _scatter_add,
    "flip": _flip,
    "roll": _roll,
    "take_along_axis": lambda body, node, args: Code(
        f"jnp.take_along_axis({args[0].text}, {args[1].text}, "
        f'axis={node.attributes.get("axis", -1)}, mode="clip")'
    ),
    "arange": _arange,
    "full": _full,
    "constant": _constant,
    "random_bits": _random_bits,
}
