"""Activation functions, softmax among them."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.emission.rows import called
from polydl.program.types import Block
from polydl_torch.natives.common import (
    ANY,
    CHANNELS_FIRST,
    Literal,
    Row,
    function_row,
    weight_shape,
)


def gelu(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    options = 'approximate="tanh"' if block.config["approximate"] else ""
    joint = ", " if options else ""
    return function_native(f"F.gelu({{0}}{joint}{options})", module=f"nn.GELU({options})")


def hard_sigmoid(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """torch keeps 1/6 in float32: in float64 its derivative is 5e-9 off."""
    if block.config["slope"] != 1 / 6 or emitter.dtype == "float64":
        return None
    return function_native("F.hardsigmoid({0})", module="nn.Hardsigmoid()")


def softplus(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """torch takes x itself above a threshold of 20, where float64 still sees the difference."""
    option = "threshold=40" if emitter.dtype == "float64" else ""
    joint = ", " if option else ""
    return function_native(f"F.softplus({{0}}{joint}{option})", module=f"nn.Softplus({option})")


def with_option(function: str, module: str, option: str, default: float) -> Row:
    """A function with one number, left out at torch's default."""

    def row(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        value = block.config[option]
        given = "" if value == default else repr(value)
        joint = ", " if given else ""
        return function_native(f"{function}({{0}}{joint}{given})", module=f"{module}({given})")

    return row


def prelu(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """nn.PReLU has a slope for each index of axis 1."""
    config, rank = block.config, len(block.inputs[0].shape)
    (features,) = weight_shape(emitter, block, "slope")
    if not config["shared"] and rank > 5:
        return None
    text = "nn.PReLU()" if config["shared"] else f"nn.PReLU({literal(features, 'features')})"
    layout = ANY if config["shared"] else CHANNELS_FIRST if rank > 2 else ""
    return Native(text, weights={"slope": ("weight", None)}, layout=layout)


NATIVES: dict[str, Row] = {
    "polydl:PReLU@1": prelu,
    "polydl:relu@1": function_row("F.relu({0})", "nn.ReLU()"),
    "polydl:gelu@1": gelu,
    "polydl:sigmoid@1": function_row("torch.sigmoid({0})", "nn.Sigmoid()"),
    "polydl:tanh@1": function_row("torch.tanh({0})", "nn.Tanh()"),
    "polydl:relu6@1": function_row("F.relu6({0})", "nn.ReLU6()"),
    "polydl:leaky_relu@1": with_option("F.leaky_relu", "nn.LeakyReLU", "slope", 0.01),
    "polydl:elu@1": with_option("F.elu", "nn.ELU", "alpha", 1.0),
    "polydl:selu@1": function_row("F.selu({0})", "nn.SELU()"),
    "polydl:celu@1": with_option("F.celu", "nn.CELU", "alpha", 1.0),
    "polydl:softplus@1": softplus,
    "polydl:log_sigmoid@1": function_row("F.logsigmoid({0})", "nn.LogSigmoid()"),
    "polydl:hard_sigmoid@1": hard_sigmoid,
    "polydl:hard_tanh@1": function_row("F.hardtanh({0})", "nn.Hardtanh()"),
    "polydl:silu@1": function_row("F.silu({0})", "nn.SiLU()"),
    "polydl:hard_swish@1": function_row("F.hardswish({0})", "nn.Hardswish()"),
    "polydl:mish@1": function_row("F.mish({0})", "nn.Mish()"),
    "polydl:softsign@1": function_row("F.softsign({0})", "nn.Softsign()"),
    "polydl:glu@1": called("F.glu", dim="axis"),
    "polydl:softmax@1": called("F.softmax", dim="axis"),
    "polydl:log_softmax@1": called("F.log_softmax", dim="axis"),
}

REASONS: dict[str, str] = {
    "polydl:hard_sigmoid@1": "in float64: torch keeps the derivative 1/6 in float32; another slope: "
    "it has none",
}
