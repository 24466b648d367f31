"""Dense and bilinear layers, and embeddings."""

from __future__ import annotations

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, plain_call
from polydl.program.sizes import same_shape
from polydl.program.types import Block
from polydl_torch.natives.common import (
    DENSE,
    Literal,
    Row,
    weight_shape,
)


def dense(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    inputs, units = weight_shape(emitter, block, "kernel")
    bias = "" if block.config["use_bias"] else ", bias=False"
    sizes = f"{literal(inputs, 'in_features')}, {literal(units, 'units')}"
    return Native(f"nn.Linear({sizes}{bias})", weights=DENSE)


def bilinear(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """nn.Bilinear does not broadcast leading axes."""
    first, second = (value.shape[:-1] for value in block.inputs)
    if not same_shape(first, second):
        return None
    left, right, units = weight_shape(emitter, block, "kernel")
    sizes = f"{literal(left, 'in1_features')}, {literal(right, 'in2_features')}"
    bias = "" if block.config["use_bias"] else ", bias=False"
    text = f"nn.Bilinear({sizes}, {literal(units, 'units')}{bias})"
    return Native(text, weights={"kernel": ("weight", (2, 0, 1)), "bias": ("bias", None)})


def embedding(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """nn.Embedding raises out of range, where the definition takes the nearest row."""
    if block.config["padding_index"] is not None:
        return None
    size, features = weight_shape(emitter, block, "table")
    in_range = emitter.ranges.indexes(block, block.inputs[0], size)

    def call(callee: str, args: list[Code]) -> Code:
        if in_range:
            return plain_call(callee, args)
        return Code(f"{callee}({args[0].atom}.clamp(0, {literal(size - 1, 'last')}))")

    sizes = f"{literal(size, 'size')}, {literal(features, 'features')}"
    return Native(f"nn.Embedding({sizes})", call=call, weights={"table": ("weight", None)})


NATIVES: dict[str, Row] = {
    "polydl:Dense@1": dense,
    "polydl:Bilinear@1": bilinear,
    "polydl:Embedding@1": embedding,
}

REASONS: dict[str, str] = {
    "polydl:Bilinear@1": "where leading axes broadcast: nn.Bilinear takes equal ones",
    "polydl:Embedding@1": "with a padding index: its row must count as zeros whatever the table holds",
}
