"""Layers that rearrange."""

from __future__ import annotations

from polydl.emission.code import ADD, MULTIPLY, Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.emission.rows import called, cut, merged, spatial_widths
from polydl.precision import is_low
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


def upsample(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """jax.image.resize takes the whole new shape."""
    config, (batch, *sizes, channels) = block.config, block.inputs[0].shape
    known = all(isinstance(size, int) for size in (*sizes, channels))
    if not known or config["align_corners"] or is_low(emitter.floating(block)):
        return None
    shape = ", ".join(str(size * config["factor"]) for size in sizes)
    first = batch if isinstance(batch, int) else "{0!a}.shape[0]"
    return function_native(
        f'jax.image.resize({{0}}, ({first}, {shape}, {channels}), "{config["method"]}")'
    )


def zero_pad(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native(f"jnp.pad({{0}}, {((0, 0), *spatial_widths(block), (0, 0))})")


def crop(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native(f"{{0!a}}[{cut(spatial_widths(block))}]")


REASONS: dict[str, str] = {
    "polydl:Upsample@1": "of unknown sizes, which jax.image.resize must know, and with aligned corners",
}

NATIVES: dict[str, Row] = {
    "polydl:Upsample@1": upsample,
    "polydl:ZeroPad@1": zero_pad,
    "polydl:Crop@1": crop,
    "polydl:Concatenate@1": called("jnp.concatenate", "[{*}]", axis="axis"),
    "polydl:Add@1": merged("+", ADD),
    "polydl:Multiply@1": merged("*", MULTIPLY),
    "polydl:Reshape@1": reshape,
    "polydl:Permute@1": permute,
    "polydl:Flatten@1": flatten,
}
