"""Activation functions, softmax among them."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.emission.rows import called
from polydl.precision import is_low
from polydl.program.types import Block
from polydl_flax.natives.common import (
    Literal,
    Row,
    function_row,
)


def gelu(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if not block.config["approximate"]:
        if is_low(emitter.floating(block)):  # 1 + erf would leave no digit of small ones
            return function_native("nnx.gelu({0}, approximate=False)")
        return function_native("gelu({0})", module="gelu", support=("gelu",))
    return function_native("nnx.gelu({0}, approximate=True)")


GELU = '''def gelu(x):
    """nnx.gelu(x, approximate=False), which takes erfc: on a CPU, that lasts longer than erf."""
    return 0.5 * x * (1.0 + jax.lax.erf(x * 0.5**0.5))'''

SUPPORT = {"gelu": GELU}


def with_alpha(function: str) -> Row:
    def row(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        alpha = block.config["alpha"]
        if alpha == 1:
            return function_native(f"{function}({{0}})", module=function)
        return function_native(f"{function}({{0}}, alpha={alpha})")

    return row


def hard_sigmoid(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if block.config["slope"] != 1 / 6:
        return None
    return function_native("nnx.hard_sigmoid({0})", module="nnx.hard_sigmoid")


NATIVES: dict[str, Row] = {
    "polydl:relu@1": function_row("nnx.relu({0})", "nnx.relu"),
    "polydl:gelu@1": gelu,
    "polydl:sigmoid@1": function_row("nnx.sigmoid({0})", "nnx.sigmoid"),
    "polydl:tanh@1": function_row("nnx.tanh({0})", "nnx.tanh"),
    "polydl:relu6@1": function_row("nnx.relu6({0})", "nnx.relu6"),
    "polydl:hard_sigmoid@1": hard_sigmoid,
    "polydl:hard_swish@1": function_row("nnx.hard_swish({0})", "nnx.hard_swish"),
    "polydl:mish@1": function_row("jax.nn.mish({0})", "jax.nn.mish"),
    "polydl:elu@1": with_alpha("nnx.elu"),
    "polydl:selu@1": function_row("nnx.selu({0})", "nnx.selu"),
    "polydl:celu@1": with_alpha("nnx.celu"),
    "polydl:softplus@1": function_row("nnx.softplus({0})", "nnx.softplus"),
    "polydl:log_sigmoid@1": function_row("nnx.log_sigmoid({0})", "nnx.log_sigmoid"),
    "polydl:silu@1": function_row("nnx.silu({0})", "nnx.silu"),
    "polydl:softsign@1": function_row("nnx.soft_sign({0})", "nnx.soft_sign"),
    "polydl:glu@1": called("nnx.glu", axis="axis"),
    "polydl:softmax@1": called("nnx.softmax", axis="axis"),
    "polydl:log_softmax@1": called("nnx.log_softmax", axis="axis"),
}

REASONS: dict[str, str] = {
    "polydl:PReLU@1": "nnx.PReLU has one slope for all, and the derivative 1 at 0",
    "polydl:leaky_relu@1": "the derivative of nnx.leaky_relu at 0 is 1",
    "polydl:hard_sigmoid@1": "with another slope than 1/6",
    "polydl:hard_tanh@1": "the derivative of nnx.hard_tanh at -1 and 1 is 1",
}
