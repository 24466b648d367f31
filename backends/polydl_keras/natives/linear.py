"""Dense layers and embeddings."""

from __future__ import annotations

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, plain_call
from polydl.program.types import Block
from polydl_keras.initializers import option
from polydl_keras.natives.common import (
    KERNEL,
    Literal,
    Row,
    kernel_options,
    own_entry,
)


def dense(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    units = literal(block.config["units"], "units")
    return Native(f"layers.Dense({units}{kernel_options(emitter, block)})", weights=KERNEL)


def embedding(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Keras' Embedding raises out of range, where the definition takes the nearest row."""
    if block.config["padding_index"] is not None:
        return None
    size, features = block.config["size"], block.config["features"]
    initializer = option("embeddings", own_entry(emitter, block, "table"), "uniform")
    in_range = emitter.ranges.indexes(block, block.inputs[0], size)

    def call(callee: str, args: list[Code]) -> Code:
        if in_range:
            return plain_call(callee, args)
        return Code(f"{callee}(ops.clip({args[0].text}, 0, {literal(size - 1, 'last')}))")

    sizes = f"{literal(size, 'size')}, {literal(features, 'features')}"
    return Native(
        f"layers.Embedding({sizes}{initializer})",
        call=call,
        weights={"table": ("embeddings", None)},
    )


NATIVES: dict[str, Row] = {
    "polydl:Dense@1": dense,
    "polydl:Embedding@1": embedding,
}

REASONS: dict[str, str] = {
    "polydl:Embedding@1": "with a padding index: its row must count as zeros whatever the table holds",
}
