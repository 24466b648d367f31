"""Slices at places that are known only when the model runs."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code
from polydl.emission.operators import Writer
from polydl.program.types import Node
from polydl_torch.primitives.common import device_of


def _update_slice(body: Body, node: Node, args: list[Code]) -> Code:
    x, part, _ = node.operands
    axis = node.attributes["axis"]
    size = part.shape[axis]  # type: ignore[union-attr]
    last = body.sizes.size(x.shape[axis] - size).text  # type: ignore[union-attr]
    places = f"torch.arange({body.sizes.size(size).text}{device_of(body)})"
    at = f"{args[2].atom}.clamp(0, {last}) + {places}"
    return Code(f"{args[0].atom}.index_copy({axis}, {at}, {args[1].text})")


PRIMITIVES: dict[str, Writer] = {"update_slice": _update_slice}
