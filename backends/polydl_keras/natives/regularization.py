"""Dropout and the like."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_keras.natives.common import (
    Literal,
    Row,
)


def dropout(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if len(block.inputs) > 1:  # portable randomness: the mask comes from the definition
        return None
    return Native(f"layers.Dropout({literal(block.config['rate'], 'rate')})")


NATIVES: dict[str, Row] = {
    "polydl:Dropout@1": dropout,
}

REASONS: dict[str, str] = {
    "polydl:Dropout@1": "with portable randomness: the mask comes from the definition",
}
