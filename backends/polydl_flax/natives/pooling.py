"""Pools."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.layers.geometry import pair
from polydl.precision import is_low
from polydl.program.types import Block
from polydl_flax.natives.common import (
    Literal,
    Row,
    padding_text,
)


def pool(function: str, padded: str = "") -> Row:
    """padded: arguments that matter only where there is padding."""

    def pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        config = block.config
        window = pair("pool", "pool_size", config["pool_size"])
        strides = pair("pool", "strides", config["strides"] or config["pool_size"])
        text = f"nnx.{function}({{0}}, {window}, strides={strides}"
        padding = padding_text(block)
        if padding != '"VALID"':
            text += f", padding={padding}{padded}"
            if padded and is_low(emitter.dtype):  # the counts that it divides by are float32
                return function_native(f"{text}).astype(jnp.{emitter.dtype})")
        return function_native(f"{text})")

    return pool


NATIVES: dict[str, Row] = {
    "polydl:MaxPool2D@1": pool("max_pool"),
    "polydl:AvgPool2D@1": pool("avg_pool", ", count_include_pad=False"),
}
