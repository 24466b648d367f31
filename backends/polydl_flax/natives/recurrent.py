"""Recurrent layers: written from their definitions, one product of all inputs and jax.lax.scan."""

from __future__ import annotations

from polydl_flax.natives.common import Row

NATIVES: dict[str, Row] = {}

_STEPWISE = (
    "nnx.RNN multiplies the inputs step by step and holds random state; here one product stands before "
    "jax.lax.scan"
)
REASONS: dict[str, str] = {
    "polydl:SimpleRNN@1": _STEPWISE,
    "polydl:LSTM@1": _STEPWISE,
    "polydl:GRU@1": "nnx.GRUCell has no bias in what the reset gate multiplies",
}
