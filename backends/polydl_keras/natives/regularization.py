"""Dropout and the like."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_keras.natives.common import (
    Literal,
    Row,
)


def native(name: str, setting: str) -> Row:
    """A layer of one setting, which draws for itself; with portable randomness, the definition."""

    def native(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        if len(block.inputs) > 1 or block.config[setting] > 1:
            return None
        return Native(f"layers.{name}({literal(block.config[setting], setting)})")

    return native


NATIVES: dict[str, Row] = {
    **{f"polydl:SpatialDropout{n}D@1": native(f"SpatialDropout{n}D", "rate") for n in (1, 2, 3)},
    "polydl:AlphaDropout@1": native("AlphaDropout", "rate"),
    "polydl:Dropout@1": native("Dropout", "rate"),
    "polydl:GaussianNoise@1": native("GaussianNoise", "deviation"),
}

_PORTABLE = "with portable randomness: the mask comes from the definition"
REASONS: dict[str, str] = {
    **dict.fromkeys(NATIVES, _PORTABLE),
    "polydl:GaussianNoise@1": "with portable randomness, and above 1, where Keras refuses",
}
