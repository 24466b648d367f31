"""Convolutions."""

from __future__ import annotations

from typing import Any

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.layers.geometry import pair
from polydl.program.types import Block
from polydl_torch.natives.common import (
    CHANNELS_FIRST,
    Literal,
    Row,
    one_or_two,
    resolved_padding,
    weight_shape,
)
from polydl_torch.primitives.common import pad_text

CONV = {"kernel": ("weight", (3, 2, 0, 1)), "bias": ("bias", None)}


def conv2d(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    config = block.config
    kernel = weight_shape(emitter, block, "kernel")
    padding = resolved_padding(block)
    even = all(low == high for low, high in padding)
    window = one_or_two(pair("Conv2D", "kernel_size", config["kernel_size"]))
    inputs = literal(kernel[2] * config["groups"], "in_channels")
    text = f"nn.Conv2d({inputs}, {literal(config['filters'], 'filters')}, {window}"
    for name, ours in (("stride", "strides"), ("dilation", "dilation")):
        both = pair("Conv2D", ours, config[ours])
        if both != (1, 1):
            text += f", {name}={one_or_two(both)}"
    if even and any(low for low, _ in padding):
        text += f", padding={one_or_two((padding[0][0], padding[1][0]))}"
    if config["groups"] != 1:
        text += f", groups={literal(config['groups'], 'groups')}"
    if not config["use_bias"]:
        text += ", bias=False"

    def padded(callee: str, args: list[Code]) -> Code:
        return Code(f"{callee}({pad_text(args[0].text, ((0, 0), (0, 0), *padding))})")

    options: dict[str, Any] = {} if even else {"call": padded}
    return Native(f"{text})", weights=CONV, layout=CHANNELS_FIRST, **options)


NATIVES: dict[str, Row] = {
    "polydl:Conv2D@1": conv2d,
}
