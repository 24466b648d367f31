"""Recurrent layers: nnx's cells, which jax.lax.scan runs over the steps.

nnx.RNN scans too, but carries the weights through the loop as if they changed in it, and draws a random
key for a state that starts from zeros: it could not stand inside jax.checkpoint or another scan.
"""

from __future__ import annotations

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_flax.natives.common import Literal, Row, tail, weight_shape

RECURRENT = '''def recurrent(cell, x, *state, reverse=False, sequences=True):
    """Outputs (or the last one alone) and the last state of a cell; nnx has an LSTM's as (c, h)."""
    if not state:
        first = cell.initialize_carry(x[:, 0].shape, nnx.Rngs(0))
    else:
        first = state[0] if len(state) == 1 else state[::-1]
    steps = x.swapaxes(0, 1)
    last, y = jax.lax.scan(lambda carry, now: cell(carry, now), first, steps, reverse=reverse)
    last = last[::-1] if isinstance(last, tuple) else (last,)
    return (y.swapaxes(0, 1) if sequences else last[0], *last)'''

INITIAL = {
    "kernel": ("kernel_init", "glorot_uniform"),
    "recurrent_kernel": ("recurrent_kernel_init", "orthogonal"),
    "bias": ("bias_init", "zeros"),
}


def recurrent(cell: str, bias_of: str) -> Row:
    """bias_of: which of the cell's two linear layers holds the bias."""
    weights = {
        "kernel": ("dense_i.kernel", None),
        "recurrent_kernel": ("dense_h.kernel", None),
        "bias": (f"{bias_of}.bias", None),
    }

    def recurrent(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        config = block.config
        if not config["use_bias"] or any(value.name == "lengths" for value in block.inputs):
            return None
        inputs, _ = weight_shape(emitter, block, "kernel")
        sizes = f"{literal(inputs, 'in_features')}, {literal(config['units'], 'units')}"
        if cell == "SimpleCell" and emitter.dtype != "float32":  # it computes in float32 by default
            sizes += f", dtype=jnp.{emitter.dtype}"
        options = ", reverse=True" if config["reverse"] else ""
        options += "" if config["return_sequences"] else ", sequences=False"
        which = "" if config["return_state"] else "[0]"

        def call(callee: str, args: list[Code]) -> Code:
            texts = ", ".join([callee, *(a.text for a in args)])
            return Code(f"recurrent({texts}{options}){which}")

        support = ("recurrent, in a lower type" if emitter.computes else "recurrent",)
        construct = f"nnx.{cell}({sizes}{tail(emitter, block, **INITIAL)})"
        return Native(construct, call=call, weights=weights, support=support)

    return recurrent


_CAST = """    first = jax.tree.map(lambda state: state.astype(cell.dtype), first)
"""
SUPPORT = {
    "recurrent": RECURRENT,
    "recurrent, in a lower type": RECURRENT.replace("    steps =", f"{_CAST}    steps ="),
}

NATIVES: dict[str, Row] = {
    "polydl:SimpleRNN@1": recurrent("SimpleCell", bias_of="dense_i"),
    "polydl:LSTM@1": recurrent("OptimizedLSTMCell", bias_of="dense_h"),
}

_LIMITS = "without biases, which nnx's cell always has, and with lengths, which it does not know"
REASONS: dict[str, str] = {
    "polydl:SimpleRNN@1": _LIMITS,
    "polydl:LSTM@1": _LIMITS,
    "polydl:GRU@1": "nnx.GRUCell has no bias in what the reset gate multiplies",
}
