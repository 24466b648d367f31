"""Convolutions."""

from __future__ import annotations

from typing import Any

from polydl.emission.code import Code, Option, one_or_all, sizes_option
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, window_attributes
from polydl.layers.geometry import spans
from polydl.program.types import Block
from polydl_keras.initializers import option
from polydl_keras.natives.common import (
    KERNEL,
    Literal,
    Row,
    bias_option,
    kernel_options,
    own_entry,
    padded_call,
    placed_padding,
    weight_shape,
)
from polydl_keras.primitives.common import transposed_padding

REASONS = {
    "polydl:ConvTranspose1D@1": "keras has no groups here, and TensorFlow no dilation on a CPU",
    "polydl:ConvTranspose2D@1": "keras has no groups here, and TensorFlow no dilation on a CPU",
    "polydl:ConvTranspose3D@1": "keras has no groups here, and TensorFlow no dilation on a CPU",
}

SEPARABLE = {
    "depthwise.kernel": ("depthwise_kernel", None),
    "pointwise.kernel": ("pointwise_kernel", None),
    "pointwise.bias": ("bias", None),
}


def _geometry(
    block: Block, window: tuple[int, ...], literal: Literal
) -> tuple[str, dict[str, Any]] | None:
    """Keras' arguments, and the call if the input is padded before. None: Keras has no such."""
    a = window_attributes(block)
    if max(a["strides"]) > 1 and max(a["dilation"]) > 1:  # Keras takes one or the other
        return None
    padding, before = placed_padding(block, spans(window, a["dilation"]), a["strides"])
    text = sizes_option(literal, "strides", a["strides"])
    if padding != "valid":
        text += f', padding="{padding}"'
    text += sizes_option(literal, "dilation_rate", a["dilation"])
    return text, {"call": padded_call(a["padding"], 0.0)} if before else {}


def conv(rank: int) -> Row:
    def conv(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        *window, _, filters = weight_shape(emitter, block, "kernel")
        geometry = _geometry(block, tuple(window), literal)
        if geometry is None:
            return None
        arguments, options = geometry
        text = f"layers.Conv{rank}D({literal(filters, 'filters')}, {one_or_all(tuple(window))}"
        text += arguments
        text += literal(block.config["groups"], "groups", Option(", groups=", 1))
        return Native(f"{text}{kernel_options(emitter, block)})", weights=KERNEL, **options)

    return conv


def _depthwise(
    emitter: Emitter, block: Block, literal: Literal
) -> tuple[str, dict[str, Any]] | None:
    *window, _, multiplier = weight_shape(emitter, block, "kernel")
    geometry = _geometry(block, tuple(window), literal)
    if geometry is None or len(set(window_attributes(block)["strides"])) > 1:
        return None  # TensorFlow takes one stride
    arguments, options = geometry
    text = f"{one_or_all(tuple(window))}{arguments}"
    return text + (f", depth_multiplier={multiplier}" if multiplier != 1 else ""), options


def depthwise_conv(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    found = _depthwise(emitter, block, literal)
    if found is None:
        return None
    arguments, options = found
    text = f"layers.DepthwiseConv2D({arguments}{bias_option(emitter, block)}"
    text += option("depthwise", own_entry(emitter, block, "kernel"), "glorot_uniform")
    return Native(f"{text})", weights=KERNEL, **options)


def separable_conv(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    depthwise, pointwise = (emitter.program.blocks[n.attributes["block"]] for n in block.nodes)
    found = _depthwise(emitter, depthwise, literal)
    if found is None:
        return None
    arguments, options = found
    text = f"layers.SeparableConv2D({literal(block.config['filters'], 'filters')}, {arguments}"
    text += bias_option(emitter, pointwise)
    for part in (depthwise, pointwise):
        name = part.path.rpartition(".")[2]
        text += option(name, own_entry(emitter, part, "kernel"), "glorot_uniform")
    return Native(f"{text})", weights=SEPARABLE, **options)


def conv_transpose(rank: int) -> Row:
    def conv_transpose(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        a = window_attributes(block)
        if a["groups"] != 1 or max(a["dilation"]) > 1:
            return None
        *window, filters, _ = weight_shape(emitter, block, "kernel")
        text = f"layers.Conv{rank}DTranspose({literal(filters, 'filters')}, "
        text += one_or_all(tuple(window))
        text += sizes_option(literal, "strides", a["strides"])
        more, cut = transposed_padding(a["padding"])
        if block.config["padding"] == "same":
            text, cut = f'{text}, padding="same"', ""
        elif any(more) or any(s > w for s, w in zip(a["strides"], window, strict=True)):
            text += f", output_padding={one_or_all(more)}"

        def sliced(callee: str, args: list[Code]) -> Code:
            return Code(f"{callee}({args[0].text}){cut}")

        options: dict[str, Any] = {"call": sliced} if cut else {}
        return Native(f"{text}{kernel_options(emitter, block)})", weights=KERNEL, **options)

    return conv_transpose


NATIVES: dict[str, Row] = {
    **{f"polydl:Conv{rank}D@1": conv(rank) for rank in (1, 2, 3)},
    **{f"polydl:ConvTranspose{rank}D@1": conv_transpose(rank) for rank in (1, 2, 3)},
    "polydl:DepthwiseConv2D@1": depthwise_conv,
    "polydl:SeparableConv2D@1": separable_conv,
}
