"""Primitives that reduce, add up or order along axes, and products of arrays."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code
from polydl.emission.operators import Writer
from polydl.primitives.record import normal_axes
from polydl.program.types import Node
from polydl_torch.primitives.common import axes_text


def _reduction(method: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        axis = node.attributes.get("axis")
        if axis == ():  # torch would reduce all of them
            return args[0]
        keepdims = ", keepdim=True" if node.attributes.get("keepdims") else ""
        rank = len(node.operands[0].shape)  # type: ignore[union-attr]
        every = axis is None or (isinstance(axis, tuple) and len(axis) == rank)
        dtype = _narrow(node) if method == "sum" else ""
        if every and not keepdims:
            return Code(f"{args[0].atom}.{method}({dtype.removeprefix(', ')})")
        dims = axes_text(tuple(range(rank)) if axis is None else axis)
        return Code(f"{args[0].atom}.{method}({dims}{keepdims}{dtype})")

    return write


def _narrow(node: Node) -> str:
    """torch would widen int32."""
    return ", dtype=torch.int32" if node.output.dtype == "int" else ""


def _prod(body: Body, node: Node, args: list[Code]) -> Code:
    """torch multiplies over one axis at a time, or over all."""
    rank = len(node.operands[0].shape)  # type: ignore[union-attr]
    axes = normal_axes("prod", node.attributes.get("axis"), rank)
    keepdims, dtype = node.attributes.get("keepdims"), _narrow(node)
    code = args[0]
    if len(axes) == rank and not keepdims:
        return Code(f"{code.atom}.prod({dtype.removeprefix(', ')})")
    for axis in sorted(axes, reverse=True):
        kept = ", keepdim=True" if keepdims else ""
        code = Code(f"{code.atom}.prod({axis}{kept}{dtype})")
    return code


def _position(method: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        return Code(f"{args[0].atom}.{method}({node.attributes.get('axis', -1)}).int()")

    return write


def _running(method: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        axis = node.attributes.get("axis", -1)
        return Code(f"{args[0].atom}.{method}({axis}{_narrow(node)})")

    return write


def _ordered(body: Body, node: Node, args: list[Code]) -> Code:
    axis = node.attributes.get("axis", -1)
    return Code(f"torch.sort({args[0].text}, dim={axis}, stable=True).values")


def _order(body: Body, node: Node, args: list[Code]) -> Code:
    axis = node.attributes.get("axis", -1)
    return Code(f"torch.argsort({args[0].text}, dim={axis}, stable=True).int()")


def _einsum(body: Body, node: Node, args: list[Code]) -> Code:
    operands = ", ".join(a.text for a in args)
    return Code(f'torch.einsum("{node.attributes["equation"]}", {operands})')


PRIMITIVES: dict[str, Writer] = {
    "sum": _reduction("sum"),
    "mean": _reduction("mean"),
    "max": _reduction("amax"),
    "min": _reduction("amin"),
    "prod": _prod,
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
