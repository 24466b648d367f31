"""What the rows of natives have in common."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import window_attributes
from polydl.emission.rows import (  # noqa: F401
    Literal,
    Row,
    function_row,
    own_entry,
    weight_shape,
)
from polydl.program.types import Block
from polydl_flax.initial import initializer_text

DENSE = {"kernel": ("kernel", None), "bias": ("bias", None)}


def tail(emitter: Emitter, block: Block, **initial: tuple[str, str]) -> str:
    """What ends a layer's arguments: initialisers that the author chose, the dtype, and rngs.

    initial: for each of our entries, nnx's argument and the initialiser that is our default. Where
    the author did not choose, nnx's own is left to stand.
    """
    text = ""
    for name, (argument, default) in initial.items():
        entry = emitter.program.entries.get(f"{block.path}.{name}".lstrip("."))
        if entry is not None and (entry.initializer.name != default or entry.initializer.arguments):
            text += f", {argument}={initializer_text(entry.initializer)}"
    if emitter.computes:
        text += f", dtype=jnp.{emitter.computes}"
    elif emitter.dtype != "float32":
        text += f", param_dtype=jnp.{emitter.dtype}"
    return f"{text}, rngs=rngs"


KERNEL = {"kernel": ("kernel_init", "glorot_uniform"), "bias": ("bias_init", "zeros")}


def padding_text(block: Block) -> str:
    """nnx's padding argument; XLA's "SAME" is our "same"."""
    pairs = window_attributes(block)["padding"]
    if not any(side for sides in pairs for side in sides):
        return '"VALID"'
    padding = block.config["padding"]
    return f'"{padding.upper()}"' if isinstance(padding, str) else str(pairs)
