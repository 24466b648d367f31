"""Layers that rearrange."""

from __future__ import annotations

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_flax.natives.common import (
    Literal,
    Row,
)


def flatten(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    def call(_: str, args: list[Code]) -> Code:
        x = args[0].text
        if x.isidentifier():
            return Code(f"{x}.reshape({x}.shape[0], -1)")
        return Code(f"jax.lax.collapse({x}, 1)")

    return Native(call=call)


NATIVES: dict[str, Row] = {
    "polydl:Flatten@1": flatten,
}
