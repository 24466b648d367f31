"""Convolutions."""

from __future__ import annotations

from typing import Any

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.layers.geometry import pair
from polydl.program.types import Block
from polydl_keras.natives.common import (
    KERNEL,
    Literal,
    Row,
    kernel_options,
    padded_call,
    placed_padding,
    resolved_padding,
)
from polydl_keras.primitives.common import one_or_all


def conv2d(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    config = block.config
    window, strides, dilation = (
        pair("Conv2D", name, config[name]) for name in ("kernel_size", "strides", "dilation")
    )
    if max(strides) > 1 and max(dilation) > 1:  # Keras takes one or the other
        return None
    spans = tuple((w - 1) * d + 1 for w, d in zip(window, dilation, strict=True))
    padding, before = placed_padding(block, spans, strides)
    text = f"layers.Conv2D({literal(config['filters'], 'filters')}, {one_or_all(window)}"
    if max(strides) > 1:
        text += f", strides={one_or_all(strides)}"
    if padding != "valid":
        text += f', padding="{padding}"'
    if max(dilation) > 1:
        text += f", dilation_rate={one_or_all(dilation)}"
    if config["groups"] != 1:
        text += f", groups={literal(config['groups'], 'groups')}"
    options: dict[str, Any] = {"call": padded_call(resolved_padding(block), 0.0)} if before else {}
    return Native(f"{text}{kernel_options(emitter, block)})", weights=KERNEL, **options)


NATIVES: dict[str, Row] = {
    "polydl:Conv2D@1": conv2d,
}
