"""Recurrent layers."""

from __future__ import annotations

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, plain_call
from polydl.program.types import Block
from polydl_keras.initializers import option
from polydl_keras.natives.common import Literal, Row, kernel_options, own_entry

WEIGHTS = {
    "kernel": ("cell.kernel", None),
    "recurrent_kernel": ("cell.recurrent_kernel", None),
    "bias": ("cell.bias", None),
}


def recurrent(kind: str) -> Row:
    def recurrent(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        config = block.config
        if len(block.inputs) > 1 or config["return_state"]:
            return None
        text = f"layers.{kind}({literal(config['units'], 'units')}{kernel_options(emitter, block)}"
        recurrent = own_entry(emitter, block, "recurrent_kernel")
        text += option("recurrent", recurrent, "orthogonal")
        if kind == "LSTM" and config["use_bias"]:
            text += ", unit_forget_bias=False"
        text += ", return_sequences=True" if config["return_sequences"] else ""
        text += ", go_backwards=True" if config["reverse"] else ""

        def flipped(callee: str, args: list[Code]) -> Code:
            """Keras leaves the outputs in the order in which it made them."""
            return Code(f"ops.flip({callee}({args[0].text}), axis=1)")

        turns = config["reverse"] and config["return_sequences"]
        return Native(f"{text})", call=flipped if turns else plain_call, weights=WEIGHTS)

    return recurrent


NATIVES: dict[str, Row] = {
    "polydl:SimpleRNN@1": recurrent("SimpleRNN"),
    "polydl:LSTM@1": recurrent("LSTM"),
}

_STATE = "with a state, or lengths: Keras repeats the last output where a sequence has ended"
REASONS: dict[str, str] = {
    "polydl:SimpleRNN@1": _STATE,
    "polydl:LSTM@1": _STATE,
    "polydl:GRU@1": "layers.GRU has its gates in another order, and both biases in one array",
}
