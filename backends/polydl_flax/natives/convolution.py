"""Convolutions."""

from __future__ import annotations

from polydl.emission.code import Option, sizes_option
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, window_attributes
from polydl.layers.geometry import spans
from polydl.program.types import Block
from polydl_flax.natives.common import (
    DENSE,
    KERNEL,
    Literal,
    Row,
    padding_text,
    tail,
    weight_shape,
)
from polydl_flax.primitives.common import transposed_padding

REASONS = {
    "polydl:DepthwiseConv2D@1": "nnx.Conv keeps the filters of all channels on one axis; with "
    "several a channel, the definition",
    **{f"polydl:ConvTranspose{rank}D@1": "nnx.ConvTranspose has no groups" for rank in (1, 2, 3)},
}


def conv(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Of any rank."""
    *window, inside, filters = weight_shape(emitter, block, "kernel")
    groups = block.config["groups"]
    text = _conv(emitter, block, literal, tuple(window), (inside * groups, filters), groups)
    return Native(text, weights=DENSE)


def depthwise_conv(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    *window, channels, multiplier = weight_shape(emitter, block, "kernel")
    if multiplier != 1:
        return None
    sizes = (channels, channels)
    text = _conv(emitter, block, literal, tuple(window), sizes, channels)
    return Native(text, weights={**DENSE, "kernel": ("kernel", (0, 1, 3, 2))})


def _conv(
    emitter: Emitter, block: Block, literal: Literal,
    window: tuple[int, ...], sizes: tuple[int, int], groups: int,
) -> str:  # fmt: skip
    a, (channels, filters) = window_attributes(block), sizes
    text = f"nnx.Conv({literal(channels, 'in_features')}, {literal(filters, 'filters')}, {window}"
    text += sizes_option(literal, "strides", a["strides"])
    sides = {side for pair in a["padding"] for side in pair}
    explicit = not isinstance(block.config["padding"], str) and len(sides) == 1
    text += f", padding={sides.pop() if explicit else padding_text(block)}"
    text += sizes_option(literal, "kernel_dilation", a["dilation"])
    text += literal(groups, "groups", Option(", feature_group_count=", 1))
    return text + _end(emitter, block)


def _end(emitter: Emitter, block: Block) -> str:
    text = "" if block.config["use_bias"] else ", use_bias=False"
    return f"{text}{tail(emitter, block, **KERNEL)})"


def conv_transpose(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    a = window_attributes(block)
    if a["groups"] != 1:
        return None
    *window, filters, channels = weight_shape(emitter, block, "kernel")
    reach = spans(tuple(window), a["dilation"])
    text = f"nnx.ConvTranspose({literal(channels, 'in_features')}, "
    text += f"{literal(filters, 'filters')}, {tuple(window)}"
    text += sizes_option(literal, "strides", a["strides"])
    plain = not any(side for sides in a["padding"] for side in sides)
    if block.config["padding"] == "same":
        padding = '"SAME"'
    elif plain and all(span >= s for span, s in zip(reach, a["strides"], strict=True)):
        padding = '"VALID"'
    else:
        padding = str(transposed_padding(a["padding"], reach))
    text += f", padding={padding}"
    text += sizes_option(literal, "kernel_dilation", a["dilation"])
    return Native(f"{text}, transpose_kernel=True{_end(emitter, block)}", weights=DENSE)


NATIVES: dict[str, Row] = {
    **{f"polydl:Conv{rank}D@1": conv for rank in (1, 2, 3)},
    **{f"polydl:ConvTranspose{rank}D@1": conv_transpose for rank in (1, 2, 3)},
    "polydl:DepthwiseConv2D@1": depthwise_conv,
}
