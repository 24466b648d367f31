"""Layers that rearrange."""

from __future__ import annotations

from polydl.emission.code import ADD, MULTIPLY
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.emission.rows import called, cut, merged, spatial_widths
from polydl.program.types import Block
from polydl_torch.natives.common import (
    CHANNELS_FIRST,
    Literal,
    Row,
)


def flatten(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native("{0!a}.flatten(1)", module="nn.Flatten()")


def reshape(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    shape = block.config["shape"]
    if -1 in shape:
        return None
    return function_native(f"{{0!a}}.reshape(-1, {', '.join(map(str, shape))})")


def permute(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native(f"{{0!a}}.permute(0, {', '.join(map(str, block.config['axes']))})")


def upsample(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    rank, config = len(block.inputs[0].shape), block.config
    if rank > 5:
        return None
    options = f"scale_factor={config['factor']}"
    if config["method"] == "linear":
        options += f', mode="{("linear", "bilinear", "trilinear")[rank - 3]}"'
    if config["align_corners"]:
        options += ", align_corners=True"
    return function_native(
        f"F.interpolate({{0}}, {options})", module=f"nn.Upsample({options})", layout=CHANNELS_FIRST
    )


def pixel_shuffle(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    factor = block.config["factor"]
    return function_native(
        f"F.pixel_shuffle({{0}}, {factor})",
        module=f"nn.PixelShuffle({factor})",
        layout=CHANNELS_FIRST,
    )


def zero_pad(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """nn.ZeroPad counts from the last axis."""
    widths, rank = block.config["widths"], len(block.inputs[0].shape) - 2
    if rank > 3:
        return None
    if not isinstance(widths, int):
        widths = tuple(side for pair in reversed(spatial_widths(block)) for side in pair)
    return Native(f"nn.ZeroPad{rank}d({widths})", layout=CHANNELS_FIRST)


def crop(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if len(block.inputs[0].shape) > 5:
        return None
    text = f"{{0!a}}[{cut(spatial_widths(block), before='...')}]"
    return function_native(text, layout=CHANNELS_FIRST)


NATIVES: dict[str, Row] = {
    "polydl:Concatenate@1": called("torch.cat", "[{*}]", dim="axis"),
    "polydl:Add@1": merged("+", ADD),
    "polydl:Multiply@1": merged("*", MULTIPLY),
    "polydl:Reshape@1": reshape,
    "polydl:Permute@1": permute,
    "polydl:Upsample@1": upsample,
    "polydl:ZeroPad@1": zero_pad,
    "polydl:Crop@1": crop,
    "polydl:PixelShuffle@1": pixel_shuffle,
    "polydl:Flatten@1": flatten,
}
