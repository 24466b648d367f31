"""Dense layers and embeddings.

Of an input of three axes and more, XLA takes the gradient of a kernel over several axes at once, which
lasts twice as long on a CPU as the same gradient of a matrix.
"""

from __future__ import annotations

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, plain_call
from polydl.program.types import Block
from polydl_flax.natives.common import (
    DENSE,
    KERNEL,
    Literal,
    Row,
    tail,
    weight_shape,
)

LINEAR = '''class Linear(nnx.Linear):
    """nnx.Linear of x as a matrix: on a CPU, the kernel's gradient takes half the time."""

    def __call__(self, x):
        y = super().__call__(x.reshape(-1, self.in_features))
        return y.reshape(*x.shape[:-1], self.out_features)'''

SUPPORT = {"Linear": LINEAR}

EMBEDDING = {"table": ("embedding", None)}


def dense(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    inputs, units = weight_shape(emitter, block, "kernel")
    sizes = f"{literal(inputs, 'in_features')}, {literal(units, 'units')}"
    bias = "" if block.config["use_bias"] else ", use_bias=False"
    arguments = f"({sizes}{bias}{tail(emitter, block, **KERNEL)})"
    if any(len(same.inputs[0].shape) > 2 for same in emitter.signatures[block.path]):
        return Native(f"Linear{arguments}", weights=DENSE, support=("Linear",))
    return Native(f"nnx.Linear{arguments}", weights=DENSE)


def embedding(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """nnx.Embed gives NaN out of range, where the definition takes the nearest row."""
    if block.config["padding_index"] is not None:
        return None
    size, features = weight_shape(emitter, block, "table")
    in_range = emitter.ranges.indexes(block, block.inputs[0], size)

    def call(callee: str, args: list[Code]) -> Code:
        if in_range:
            return plain_call(callee, args)
        return Code(f"{callee}(jnp.clip({args[0].text}, 0, {literal(size - 1, 'last')}))")

    sizes = f"{literal(size, 'size')}, {literal(features, 'features')}"
    options = tail(emitter, block, table=("embedding_init", "normal"))
    return Native(f"nnx.Embed({sizes}{options})", call=call, weights=EMBEDDING)


NATIVES: dict[str, Row] = {
    "polydl:Dense@1": dense,
    "polydl:Embedding@1": embedding,
}

REASONS: dict[str, str] = {
    "polydl:Embedding@1": "with a padding index: its row must count as zeros whatever the table holds",
}
