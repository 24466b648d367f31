"""Pools."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.layers.geometry import pair
from polydl.program.types import Block
from polydl_torch.natives.common import (
    CHANNELS_FIRST,
    Literal,
    Row,
    one_or_two,
    resolved_padding,
)


def pool(function: str, options: str = "") -> Row:
    def pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        config = block.config
        window = pair("pool", "pool_size", config["pool_size"])
        strides = pair("pool", "strides", config["strides"] or config["pool_size"])
        padding = resolved_padding(block)
        text = f"F.{function}({{0}}, {one_or_two(window)}"
        if strides != window:
            text += f", {one_or_two(strides)}"
        if any(side for sides in padding for side in sides):
            even = all(low == high for low, high in padding)
            if not even or any(2 * low > w for (low, _), w in zip(padding, window, strict=True)):
                return None
            text += f", padding={one_or_two((padding[0][0], padding[1][0]))}{options}"
        return function_native(f"{text})", layout=CHANNELS_FIRST)

    return pool


def global_avg_pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native("{0!a}.mean((2, 3))", layout=CHANNELS_FIRST)


NATIVES: dict[str, Row] = {
    "polydl:MaxPool2D@1": pool("max_pool2d"),
    "polydl:AvgPool2D@1": pool("avg_pool2d", ", count_include_pad=False"),
    "polydl:GlobalAvgPool2D@1": global_avg_pool,
}
