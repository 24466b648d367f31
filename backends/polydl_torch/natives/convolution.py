"""Convolutions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from polydl.emission.code import Code, Option, one_or_all, sizes_option
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, window_attributes
from polydl.program.types import Block
from polydl_torch.natives.common import CHANNELS_FIRST, Literal, Row, weight_shape
from polydl_torch.primitives.common import pad_text, transposed_padding

_SEVERAL = (
    "it keeps the filters of all channels on one axis; with several a channel, the definition"
)

REASONS = {"polydl:DepthwiseConv2D@1": _SEVERAL}


def _weights(rank: int) -> dict[str, tuple[str, tuple[int, ...] | None]]:
    """torch keeps (outputs, inputs, window...), and so for transposed convolutions too."""
    return {"kernel": ("weight", (rank + 1, rank, *range(rank))), "bias": ("bias", None)}


def conv(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    *window, inside, filters = weight_shape(emitter, block, "kernel")
    return _conv(block, literal, tuple(window), (inside * block.config["groups"], filters))


def depthwise_conv(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """torch keeps the filters of all channels on one axis."""
    *window, channels, multiplier = weight_shape(emitter, block, "kernel")
    if multiplier != 1:
        return None
    native = _conv(block, literal, tuple(window), (channels, channels))
    return replace(native, weights={**native.weights, "kernel": ("weight", (2, 3, 0, 1))})


def _conv(
    block: Block, literal: Literal, window: tuple[int, ...], sizes: tuple[int, int]
) -> Native:
    """torch pads evenly; an odd padding goes first."""
    a, rank, (channels, filters) = window_attributes(block), len(window), sizes
    padding, groups = a["padding"], a["groups"]
    even = all(low == high for low, high in padding)
    text = f"nn.Conv{rank}d({literal(channels, 'in_channels')}, "
    text += f"{literal(filters, 'filters')}, {one_or_all(window)}"
    text += sizes_option(literal, "stride", a["strides"])
    if even:
        text += sizes_option(literal, "padding", tuple(low for low, _ in padding), 0)
    text += sizes_option(literal, "dilation", a["dilation"])
    text += _rest(block, groups, literal)

    def padded(callee: str, args: list[Code]) -> Code:
        return Code(f"{callee}({pad_text(args[0].text, ((0, 0), (0, 0), *padding))})")

    options: dict[str, Any] = {} if even else {"call": padded}
    return Native(text, weights=_weights(rank), layout=CHANNELS_FIRST, **options)


def _rest(block: Block, groups: int, literal: Literal, dilation: tuple[int, ...] = (1,)) -> str:
    text = literal(groups, "groups", Option(", groups=", 1))
    text += "" if block.config["use_bias"] else ", bias=False"
    text += sizes_option(literal, "dilation", dilation)
    return f"{text})"


def conv_transpose(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    a = window_attributes(block)
    *window, each, channels = weight_shape(emitter, block, "kernel")
    rank = len(window)
    padding, more, cut = transposed_padding(a["padding"], a["strides"])
    text = f"nn.ConvTranspose{rank}d({literal(channels, 'in_channels')}, "
    text += f"{literal(each * a['groups'], 'filters')}, {one_or_all(tuple(window))}"
    text += sizes_option(literal, "stride", a["strides"])
    text += sizes_option(literal, "padding", padding, 0)
    text += sizes_option(literal, "output_padding", more, 0)
    text += _rest(block, a["groups"], literal, a["dilation"])

    def sliced(callee: str, args: list[Code]) -> Code:
        return Code(f"{callee}({args[0].text}){cut}")

    options: dict[str, Any] = {"call": sliced} if cut else {}
    return Native(text, weights=_weights(rank), layout=CHANNELS_FIRST, **options)


NATIVES: dict[str, Row] = {
    **{f"polydl:Conv{rank}D@1": conv for rank in (1, 2, 3)},
    **{f"polydl:ConvTranspose{rank}D@1": conv_transpose for rank in (1, 2, 3)},
    "polydl:DepthwiseConv2D@1": depthwise_conv,
}
