"""Slices at places that are known only when the model runs."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code
from polydl.emission.operators import Writer
from polydl.program.types import Node


def _update_slice(body: Body, node: Node, args: list[Code]) -> Code:
    """JAX counts a negative start from the end, unless told otherwise."""
    texts = ", ".join([*(a.text for a in args), str(node.attributes["axis"])])
    return Code(f"jax.lax.dynamic_update_slice_in_dim({texts}, allow_negative_indices=False)")


PRIMITIVES: dict[str, Writer] = {"update_slice": _update_slice}
