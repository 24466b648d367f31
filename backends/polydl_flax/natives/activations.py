"""Activation functions, softmax among them."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.program.types import Block
from polydl_flax.natives.common import (
    Literal,
    Row,
    function_row,
    with_axis,
)


def gelu(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native(f"nnx.gelu({{0}}, approximate={block.config['approximate']})")


NATIVES: dict[str, Row] = {
    "polydl:relu@1": function_row("nnx.relu({0})", "nnx.relu"),
    "polydl:gelu@1": gelu,
    "polydl:sigmoid@1": function_row("nnx.sigmoid({0})", "nnx.sigmoid"),
    "polydl:tanh@1": function_row("nnx.tanh({0})", "nnx.tanh"),
    "polydl:softmax@1": with_axis("nnx.softmax"),
    "polydl:log_softmax@1": with_axis("nnx.log_softmax"),
}
