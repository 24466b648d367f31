"""Recurrent layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from polydl.emission.code import Code
from polydl.emission.emitted import Binding
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block, Program, walk
from polydl_keras.initializers import option
from polydl_keras.natives.common import Literal, Row, kernel_options, own_entry

WEIGHTS = {
    "kernel": ("cell.kernel", None),
    "recurrent_kernel": ("cell.recurrent_kernel", None),
    "bias": ("cell.bias", None),
}
ZRH = (1, 0, 2)  # the gates of Keras' GRU, by their places in ours

RECURRENT = '''def recurrent(layer, x, *state, lengths=None):
    """Outputs and last state of a recurrent layer.

    Outputs are 0 from a sequence's length on, stand where their inputs do, and carry no mask that later
    layers would follow.
    """
    mask = None if lengths is None else lengths[:, None] > ops.arange(x.shape[1])
    y, *last = layer(x, initial_state=list(state) or None, mask=mask)
    if not layer.return_sequences:
        return last[0], *last  # Keras gives 0 for an empty sequence
    return ops.flip(y, axis=1) if layer.go_backwards else ops.copy(y), *last'''


def recurrent(kind: str, biased: str = "") -> Row:
    """biased: more of Keras' arguments, where there are biases."""

    def recurrent(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        config = block.config
        sequences, turns = config["return_sequences"], config["reverse"]
        masked = block.inputs[-1].name == "lengths"
        if masked and not isinstance(block.inputs[0].shape[1], int):
            return None
        helped = masked or (turns and sequences and config["return_state"])
        text = f"layers.{kind}({literal(config['units'], 'units')}{kernel_options(emitter, block)}"
        recurrent = own_entry(emitter, block, "recurrent_kernel")
        text += option("recurrent", recurrent, "orthogonal")
        text += biased if config["use_bias"] else ""
        text += "" if config.get("reset_after", True) else ", reset_after=False"
        text += ", return_sequences=True" if sequences else ""
        text += ", return_state=True" if config["return_state"] or helped else ""
        text += ", go_backwards=True" if turns else ""
        text += ", zero_output_for_mask=True" if masked and sequences else ""
        if masked and kind != "SimpleRNN":  # it refuses empty sequences
            text += ", use_cudnn=False"

        def call(callee: str, args: list[Code]) -> Code:
            x, *states = (a.text for a in args)
            if helped:
                lengths = f"lengths={states.pop()}" if masked else ""
                whole = "" if config["return_state"] else "[0]"
                given = ", ".join(filter(None, [callee, x, *states, lengths]))
                return Code(f"recurrent({given}){whole}")
            text = f", initial_state=[{', '.join(states)}]" if states else ""
            text = f"{callee}({x}{text})"
            # Keras leaves outputs in the order in which it made them
            return Code(f"ops.flip({text}, axis=1)" if turns and sequences else text)

        support = ("recurrent",) if helped else ()
        return Native(f"{text})", call=call, weights=WEIGHTS, support=support)

    return recurrent


def gru(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Keras' gates stand in another order, and both biases in one array."""
    native = recurrent("GRU")(emitter, block, literal)
    if native is None or block.config["textbook"] or _is_borrowed(emitter, block):
        return None
    weights: dict[str, tuple[Any, ...]] = {
        name: (place, None, ZRH) for name, (place, _) in WEIGHTS.items()
    }
    if block.config["reset_after"]:
        weights["bias"] = ("cell.bias", None, ZRH, 0)
        weights["recurrent_bias"] = ("cell.bias", None, ZRH, 1)
    return replace(native, weights=weights)


def reordered(program: Program, bindings: Mapping[str, Binding]) -> str:
    """The first GRU whose gates lie in our order, not in Keras'; "" where there is none."""
    for block in program.blocks.values():
        kernel = bindings.get(f"{block.path}.kernel".lstrip("."))
        if block.kind == "polydl:GRU@1" and kernel is not None and kernel.is_plain:
            return f"{block.path or 'the model'} (GRU)"
    return ""


def _is_borrowed(emitter: Emitter, block: Block) -> bool:
    """Whether another module reads the weights, as we have them."""
    return any(
        node.op == "read" and node.attributes["entry"].startswith(f"{block.path}.")
        for other in emitter.program.blocks.values()
        if other.path != block.path
        for node in walk(other.nodes)
    )


NATIVES: dict[str, Row] = {
    "polydl:SimpleRNN@1": recurrent("SimpleRNN"),
    "polydl:LSTM@1": recurrent("LSTM", ", unit_forget_bias=False"),
    "polydl:GRU@1": gru,
}

SUPPORT = {"recurrent": RECURRENT}

_LENGTHS = "lengths of sequences of an unknown number of steps"
REASONS: dict[str, str] = {
    "polydl:SimpleRNN@1": _LENGTHS,
    "polydl:LSTM@1": _LENGTHS,
    "polydl:GRU@1": f"textbook=True, where z lets the new state in; {_LENGTHS}",
}
