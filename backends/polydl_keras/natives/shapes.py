"""Layers that rearrange."""

from __future__ import annotations

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.emission.rows import spatial_widths
from polydl.program.types import Block
from polydl_keras.natives.common import (
    Literal,
    Row,
    layer_row,
)


def merged(layer: str, *settings: str) -> Row:
    """A layer that takes a list."""

    def call(callee: str, args: list[Code]) -> Code:
        return Code(f"{callee}([{', '.join(a.text for a in args)}])")

    def row(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        given = ", ".join(f"{name}={block.config[name]}" for name in settings)
        return Native(f"layers.{layer}({given})", call=call)

    return row


def configured(layer: str, setting: str) -> Row:
    return lambda emitter, block, literal: Native(f"layers.{layer}({block.config[setting]})")


def upsample(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    rank, config = len(block.inputs[0].shape) - 2, block.config
    if config["method"] == "linear" or rank > 3:
        return None
    return Native(f"layers.UpSampling{rank}D({config['factor']})")


def edges(layer: str) -> Row:
    """A layer with widths for each axis between batch and channels."""

    def row(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        pairs, widths = spatial_widths(block), block.config["widths"]
        if len(pairs) > 3:
            return None
        if not isinstance(widths, int):
            widths = pairs[0] if len(pairs) == 1 else pairs
        return Native(f"layers.{layer}{len(pairs)}D({widths})")

    return row


REASONS: dict[str, str] = {
    "polydl:PixelShuffle@1": "ops.depth_to_space has channels in the order (row, column, channel)",
    "polydl:Upsample@1": "linear: TensorFlow resizes images in float32",
}

NATIVES: dict[str, Row] = {
    "polydl:Concatenate@1": merged("Concatenate", "axis"),
    "polydl:Add@1": merged("Add"),
    "polydl:Multiply@1": merged("Multiply"),
    "polydl:Reshape@1": configured("Reshape", "shape"),
    "polydl:Permute@1": configured("Permute", "axes"),
    "polydl:Upsample@1": upsample,
    "polydl:ZeroPad@1": edges("ZeroPadding"),
    "polydl:Crop@1": edges("Cropping"),
    "polydl:Flatten@1": layer_row("layers.Flatten()"),
}
