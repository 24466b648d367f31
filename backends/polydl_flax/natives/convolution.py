"""Convolutions."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.layers.geometry import pair
from polydl.program.types import Block
from polydl_flax.natives.common import (
    DENSE,
    KERNEL,
    Literal,
    Row,
    one_or_two,
    padding_text,
    tail,
    weight_shape,
)


def conv2d(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    config = block.config
    kernel = weight_shape(emitter, block, "kernel")
    groups = config["groups"]
    text = f"nnx.Conv({literal(kernel[2] * groups, 'in_features')}, "
    text += f"{literal(config['filters'], 'filters')}, {kernel[:2]}"
    strides = pair("Conv2D", "strides", config["strides"])
    dilation = pair("Conv2D", "dilation", config["dilation"])
    if strides != (1, 1):
        text += f", strides={one_or_two(strides)}"
    text += f", padding={padding_text(block)}"
    if dilation != (1, 1):
        text += f", kernel_dilation={one_or_two(dilation)}"
    if groups != 1:
        text += f", feature_group_count={literal(groups, 'groups')}"
    if not config["use_bias"]:
        text += ", use_bias=False"
    return Native(f"{text}{tail(emitter, block, **KERNEL)})", weights=DENSE)


NATIVES: dict[str, Row] = {
    "polydl:Conv2D@1": conv2d,
}
