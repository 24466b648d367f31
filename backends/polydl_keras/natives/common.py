"""What the rows of natives have in common."""

from __future__ import annotations

from collections.abc import Callable

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, window_attributes
from polydl.emission.rows import (  # noqa: F401
    Literal,
    Row,
    function_row,
    own_entry,
    weight_shape,
)
from polydl.program.types import Block
from polydl_keras.initializers import option
from polydl_keras.primitives.common import pad_text, same_padding

Pairs = tuple[tuple[int, int], ...]


KERNEL = {"kernel": ("kernel", None), "bias": ("bias", None)}


def bias_option(emitter: Emitter, block: Block) -> str:
    if block.config["use_bias"]:
        return option("bias", own_entry(emitter, block, "bias"), "zeros")
    return ", use_bias=False"


def kernel_options(emitter: Emitter, block: Block) -> str:
    return bias_option(emitter, block) + option(
        "kernel", own_entry(emitter, block, "kernel"), "glorot_uniform"
    )


def padded_call(padding: Pairs, value: float) -> Callable[[str, list[Code]], Code]:
    """A call on input that is padded first."""

    def call(callee: str, args: list[Code]) -> Code:
        return Code(f"{callee}({pad_text(args[0].text, ((0, 0), *padding, (0, 0)), value)})")

    return call


def placed_padding(
    block: Block, spans: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[str, bool]:
    """Keras' padding argument, and whether the input must be padded before."""
    if isinstance(block.config["padding"], str):
        return block.config["padding"], False
    padding = window_attributes(block)["padding"]
    if not any(side for sides in padding for side in sides):
        return "valid", False
    if max(strides) == 1 and same_padding(padding, spans):
        return "same", False
    return "valid", True


def layer_row(construct: str) -> Row:
    return lambda emitter, block, literal: Native(construct)
