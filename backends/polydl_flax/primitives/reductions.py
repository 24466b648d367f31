"""Primitives that reduce axes, and the matrix product."""

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
        if method == "sum" and node.output.dtype == "int":
            options.append("dtype=jnp.int32")
        return Code(f"{args[0].atom}.{method}({', '.join(options)})")

    return write


def _argmax(body: Body, node: Node, args: list[Code]) -> Code:
    axis = node.attributes.get("axis", -1)
    return Code(f"{args[0].atom}.argmax(axis={axis}).astype(jnp.int32)")


PRIMITIVES: dict[str, Writer] = {
    "sum": _reduction("sum"),
    "mean": _reduction("mean"),
    "max": _reduction("max"),
    "min": _reduction("min"),
    "argmax": _argmax,
}
