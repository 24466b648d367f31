"""Layers that rearrange."""

from __future__ import annotations

from polydl.emission.code import ADD, MULTIPLY, Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.emission.rows import called, merged
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


def reshape(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    shape = block.config["shape"]
    if -1 in shape:
        return None
    return function_native(f"{{0!a}}.reshape(-1, {', '.join(map(str, shape))})")


def permute(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native(f"{{0!a}}.transpose(0, {', '.join(map(str, block.config['axes']))})")


NATIVES: dict[str, Row] = {
    "polydl:Concatenate@1": called("jnp.concatenate", "[{*}]", axis="axis"),
    "polydl:Add@1": merged("+", ADD),
    "polydl:Multiply@1": merged("*", MULTIPLY),
    "polydl:Reshape@1": reshape,
    "polydl:Permute@1": permute,
    "polydl:Flatten@1": flatten,
}
