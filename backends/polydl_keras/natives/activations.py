"""Activation functions, softmax among them."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.program.types import Block
from polydl_keras.natives.common import (
    Literal,
    Row,
    function_row,
    with_axis,
)


def gelu(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """TensorFlow cuts the constants to float32: in float64 its gelu is 5e-9 off."""
    if emitter.dtype == "float64":
        return None
    return function_native(f"ops.gelu({{0}}, approximate={block.config['approximate']})")


NATIVES: dict[str, Row] = {
    "polydl:relu@1": function_row("ops.relu({0})"),
    "polydl:gelu@1": gelu,
    "polydl:sigmoid@1": function_row("ops.sigmoid({0})"),
    "polydl:tanh@1": function_row("ops.tanh({0})"),
    "polydl:softmax@1": with_axis("softmax"),
    "polydl:log_softmax@1": with_axis("log_softmax"),
}

REASONS: dict[str, str] = {
    "polydl:gelu@1": "TensorFlow's ops.gelu cuts its constants to float32",
}
