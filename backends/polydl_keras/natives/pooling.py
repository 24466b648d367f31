"""Pools."""

from __future__ import annotations

from typing import Any

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.layers.geometry import pair
from polydl.program.types import Block
from polydl_keras.natives.common import (
    Literal,
    Row,
    layer_row,
    padded_call,
    placed_padding,
    resolved_padding,
)
from polydl_keras.primitives.common import one_or_all


def pool(layer: str, value: float) -> Row:
    def pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        config = block.config
        window = pair("pool", "pool_size", config["pool_size"])
        strides = pair("pool", "strides", config["strides"] or config["pool_size"])
        padding, before = placed_padding(block, window, strides)
        if before and value == 0.0:  # zeros would count in an average
            return None
        text = f"layers.{layer}({one_or_all(window)}"
        if strides != window:
            text += f", strides={one_or_all(strides)}"
        if padding != "valid":
            text += f', padding="{padding}"'
        options: dict[str, Any] = (
            {"call": padded_call(resolved_padding(block), value)} if before else {}
        )
        return Native(f"{text})", **options)

    return pool


NATIVES: dict[str, Row] = {
    "polydl:MaxPool2D@1": pool("MaxPooling2D", float("-inf")),
    "polydl:AvgPool2D@1": pool("AveragePooling2D", 0.0),
    "polydl:GlobalAvgPool2D@1": layer_row("layers.GlobalAveragePooling2D()"),
}
