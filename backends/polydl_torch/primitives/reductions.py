"""Primitives that reduce axes, and the matrix product."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code
from polydl.emission.operators import Writer
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
        if every and not keepdims:
            return Code(f"{args[0].atom}.{method}()")
        dims = axes_text(tuple(range(rank)) if axis is None else axis)
        dtype = ", dtype=torch.int32" if method == "sum" and node.output.dtype == "int" else ""
        return Code(f"{args[0].atom}.{method}({dims}{keepdims}{dtype})")

    return write


def _argmax(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"{args[0].atom}.argmax({node.attributes.get('axis', -1)}).int()")


PRIMITIVES: dict[str, Writer] = {
    "sum": _reduction("sum"),
    "mean": _reduction("mean"),
    "max": _reduction("amax"),
    "min": _reduction("amin"),
    "argmax": _argmax,
}
