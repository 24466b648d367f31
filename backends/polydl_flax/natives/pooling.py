"""Pools. Flax has no global and no adaptive ones."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native, window_attributes
from polydl.precision import is_low
from polydl.program.types import Block
from polydl_flax.natives.common import Literal, Row, padding_text


def pool(function: str) -> Row:
    def pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        a = window_attributes(block)
        text = f"nnx.{function}({{0}}, {a['window']}, strides={a['strides']}"
        padding = padding_text(block)
        if padding != '"VALID"':
            text += f", padding={padding}"
            if function == "avg_pool":
                text += f", count_include_pad={block.config['count_padding']}"
                if is_low(emitter.dtype):  # the counts that it divides by are float32
                    return function_native(f"{text}).astype(jnp.{emitter.dtype})")
        return function_native(f"{text})")

    return pool


NATIVES: dict[str, Row] = {
    **{f"polydl:MaxPool{rank}D@1": pool("max_pool") for rank in (1, 2, 3)},
    **{f"polydl:AvgPool{rank}D@1": pool("avg_pool") for rank in (1, 2, 3)},
}
