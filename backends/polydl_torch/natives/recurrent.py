"""Recurrent layers: torch's run all steps in one call, with two biases that are added."""

from __future__ import annotations

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_torch.natives.common import Literal, Row, weight_shape

ONE_BIAS = '''class {name}(nn.{name}):
    """nn.{name} with one bias for each gate: torch's second one stays zero."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size, batch_first=True)
        second = torch.zeros_like(self.bias_hh_l0)
        del self.bias_hh_l0
        self.register_buffer("bias_hh_l0", second, persistent=False)
        self._flat_weights = [getattr(self, name) for name in self._flat_weights_names]'''

RECURRENT = '''def recurrent(layer, x, *state, lengths=None, reverse=False, sequences=True):
    """Outputs (or the last one alone) and the last state of a recurrent layer.

    Steps from a sequence's length on give zeros and leave the state as it is.
    """
    first = tuple(s[None] for s in state) or None
    if len(state) == 1:
        first = first[0]
    if lengths is None:
        y, last = layer(x.flip(1) if reverse else x, first)
        y = y.flip(1) if reverse else y
    else:
        step = torch.arange(x.shape[1], device=x.device)
        lengths = lengths.clamp(0, x.shape[1])
        order = torch.where(step < lengths[:, None], lengths[:, None] - 1 - step, step)[..., None]
        if reverse:
            x = x.gather(1, order.expand_as(x))
        counts = lengths.clamp(min=1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(
            x, counts, batch_first=True, enforce_sorted=False
        )
        y, last = layer(packed, first)
        y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
        if reverse:
            y = y.gather(1, order.expand_as(y))
        y = torch.where(step[:, None] < lengths[:, None, None], y, 0.0)
    last = last if isinstance(last, tuple) else (last,)
    if lengths is not None:  # an empty sequence leaves what it started from
        before = state or [torch.zeros_like(s[0]) for s in last]
        last = [torch.where(lengths[:, None] > 0, s[0], b)[None] for s, b in zip(last, before)]
    last = [s[0] for s in last]
    return (y if sequences else last[0], *last)'''

WEIGHTS = {
    "kernel": ("weight_ih_l0", (1, 0)),
    "recurrent_kernel": ("weight_hh_l0", (1, 0)),
    "bias": ("bias_ih_l0", None),
    "recurrent_bias": ("bias_hh_l0", None),
}


def recurrent(kind: str) -> Row:
    def recurrent(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        config = block.config
        if kind == "GRU" and (not config["reset_after"] or config["textbook"]):
            return None
        inputs, _ = weight_shape(emitter, block, "kernel")
        sizes = f"{literal(inputs, 'input_size')}, {literal(config['units'], 'units')}"
        support: tuple[str, ...] = ()
        if kind != "GRU" and config["use_bias"]:
            construct, support = f"{kind}({sizes})", (kind,)
        else:
            bias = "" if config["use_bias"] else "bias=False, "
            construct = f"nn.{kind}({sizes}, {bias}batch_first=True)"
        names = [value.name for value in block.inputs]
        plain = len(names) == 1 and not config["return_state"]

        def call(callee: str, args: list[Code]) -> Code:
            if plain:
                x = f"{args[0].atom}.flip(1)" if config["reverse"] else args[0].text
                if not config["return_sequences"]:  # its gradient is that of one step
                    return Code(f"{callee}({x})[1]{'[0]' if kind == 'LSTM' else ''}[-1]")
                return Code(f"{callee}({x})[0]{'.flip(1)' if config['reverse'] else ''}")
            text = ", ".join(
                f"lengths={a.text}" if n == "lengths" else a.text
                for n, a in zip(names, args, strict=True)
            )
            text += ", reverse=True" if config["reverse"] else ""
            text += "" if config["return_sequences"] else ", sequences=False"
            whole = "" if config["return_state"] else "[0]"
            return Code(f"recurrent({callee}, {text}){whole}")

        return Native(
            construct,
            call=call,
            weights=WEIGHTS,
            support=support if plain else (*support, "recurrent"),
        )

    return recurrent


SUPPORT = {
    "LSTM": ONE_BIAS.replace("{name}", "LSTM"),
    "RNN": ONE_BIAS.replace("{name}", "RNN"),
    "recurrent": RECURRENT,
}

NATIVES: dict[str, Row] = {
    "polydl:SimpleRNN@1": recurrent("RNN"),
    "polydl:LSTM@1": recurrent("LSTM"),
    "polydl:GRU@1": recurrent("GRU"),
}

REASONS: dict[str, str] = {
    "polydl:GRU@1": "nn.GRU has the reset gate after the product, and z keeps the old state",
}
