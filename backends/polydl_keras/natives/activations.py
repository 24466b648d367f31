"""Activation functions, softmax among them."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.emission.rows import called
from polydl.program.types import Block
from polydl_keras.natives.common import (
    Literal,
    Row,
    function_row,
)


def gelu(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """TensorFlow cuts the constants to float32: in float64 its gelu is 5e-9 off."""
    if emitter.dtype == "float64":
        return None
    return function_native(f"ops.gelu({{0}}, approximate={block.config['approximate']})")


def hard_sigmoid(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if block.config["slope"] != 1 / 6:
        return None
    return function_native("ops.hard_sigmoid({0})")


def leaky_relu(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if emitter.dtype == "float64":
        return None
    return function_native(f"ops.leaky_relu({{0}}, negative_slope={block.config['slope']})")


NATIVES: dict[str, Row] = {
    "polydl:relu@1": function_row("ops.relu({0})"),
    "polydl:gelu@1": gelu,
    "polydl:sigmoid@1": function_row("ops.sigmoid({0})"),
    "polydl:tanh@1": function_row("ops.tanh({0})"),
    "polydl:relu6@1": function_row("ops.relu6({0})"),
    "polydl:leaky_relu@1": leaky_relu,
    "polydl:elu@1": called("ops.elu", alpha=("alpha", 1.0)),
    "polydl:hard_swish@1": function_row("ops.hard_swish({0})"),
    "polydl:softplus@1": function_row("ops.softplus({0})"),
    "polydl:log_sigmoid@1": function_row("ops.log_sigmoid({0})"),
    "polydl:hard_sigmoid@1": hard_sigmoid,
    "polydl:silu@1": function_row("ops.silu({0})"),
    "polydl:softsign@1": function_row("ops.softsign({0})"),
    "polydl:glu@1": called("ops.glu", axis="axis"),
    "polydl:softmax@1": called("ops.softmax", axis="axis"),
    "polydl:log_softmax@1": called("ops.log_softmax", axis="axis"),
}

REASONS: dict[str, str] = {
    "polydl:PReLU@1": "the derivative of layers.PReLU at 0 is 0",
    "polydl:gelu@1": "TensorFlow's ops.gelu cuts its constants to float32",
    "polydl:leaky_relu@1": "TensorFlow keeps the slope in float32",
    "polydl:hard_sigmoid@1": "with another slope than 1/6",
    "polydl:hard_tanh@1": "the derivative of ops.hard_tanh at -1 and 1 is 1",
    "polydl:mish@1": "keras.activations.mish takes no symbolic tensor",
    "polydl:celu@1": "the derivative of ops.celu at 0 is 2",
    "polydl:selu@1": "the derivative of ops.selu at 0 is 1.05, that of its right side",
}
