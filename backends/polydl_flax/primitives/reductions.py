"""Primitives that reduce, add up or order along axes, and products of arrays."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code
from polydl.emission.operators import Writer
from polydl.program.types import Node


def _reduction(method: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        axis = node.attributes.get("axis")
        keepdims = node.attributes.get("keepdims")
        rank = len(node.operands[0].shape)  # type: ignore[union-attr]
        options = []
        if isinstance(axis, tuple):
            axis = axis[0] if len(axis) == 1 else None if len(axis) == rank else axis
        if axis is not None and (rank > 1 or keepdims):
            options.append(f"axis={axis}")
        if keepdims:
            options.append("keepdims=True")
        if method in ("sum", "prod") and node.output.dtype == "int":
            options.append("dtype=jnp.int32")
        return Code(f"{args[0].atom}.{method}({', '.join(options)})")

    return write


def _position(method: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        axis = node.attributes.get("axis", -1)
        return Code(f"{args[0].atom}.{method}(axis={axis}).astype(jnp.int32)")

    return write


def _running(method: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        dtype = ", dtype=jnp.int32" if node.output.dtype == "int" else ""
        return Code(f"{args[0].atom}.{method}(axis={node.attributes.get('axis', -1)}{dtype})")

    return write


def _ordered(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"jnp.sort({args[0].text}, axis={node.attributes.get('axis', -1)})")


def _order(body: Body, node: Node, args: list[Code]) -> Code:
    axis = node.attributes.get("axis", -1)
    return Code(f"jnp.argsort({args[0].text}, axis={axis}).astype(jnp.int32)")


def _einsum(body: Body, node: Node, args: list[Code]) -> Code:
    operands = ", ".join(a.text for a in args)
    return Code(f'jnp.einsum("{node.attributes["equation"]}", {operands})')


PRIMITIVES: dict[str, Writer] = {
    "sum": _reduction("sum"),
    "mean": _reduction("mean"),
    "max": _reduction("max"),
    "min": _reduction("min"),
    "prod": _reduction("prod"),
    "any": _reduction("any"),
    "all": _reduction("all"),
    "argmax": _position("argmax"),
    "argmin": _position("argmin"),
    "cumsum": _running("cumsum"),
    "cumprod": _running("cumprod"),
    "sort": _ordered,
    "argsort": _order,
    "einsum": _einsum,
}
