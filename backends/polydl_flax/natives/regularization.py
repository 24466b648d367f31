"""Dropout and the like."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_flax.natives.common import (
    Literal,
    Row,
)

GAUSSIAN_NOISE = '''class GaussianNoise(nnx.Module):
    """Adds normal noise in training."""

    def __init__(self, stddev, *, rngs: nnx.Rngs):
        self.stddev, self.deterministic = stddev, False
        self.rngs = rngs.dropout.fork()

    def __call__(self, x):
        if self.deterministic:
            return x
        return x + self.stddev * self.rngs.normal(x.shape, x.dtype)'''


def native(name: str, setting: str, *support: str) -> Row:
    """A layer of one setting, which draws for itself; with portable randomness, the definition."""

    def native(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        if len(block.inputs) > 1:
            return None
        text = f"{name}({literal(block.config[setting], setting)}, rngs=rngs)"
        return Native(text, support=support)

    return native


def spatial(rank: int) -> Row:
    """One draw for a channel's whole map."""
    axes = tuple(range(1, rank + 1))

    def spatial(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        if len(block.inputs) > 1:
            return None
        rate = literal(block.config["rate"], "rate")
        return Native(f"nnx.Dropout({rate}, broadcast_dims={axes}, rngs=rngs)")

    return spatial


NATIVES: dict[str, Row] = {
    **{f"polydl:SpatialDropout{rank}D@1": spatial(rank) for rank in (1, 2, 3)},
    "polydl:Dropout@1": native("nnx.Dropout", "rate"),
    "polydl:GaussianNoise@1": native("GaussianNoise", "deviation", "GaussianNoise"),
}

SUPPORT = {"GaussianNoise": GAUSSIAN_NOISE}

_PORTABLE = "with portable randomness: the mask comes from the definition"
REASONS: dict[str, str] = dict.fromkeys(NATIVES, _PORTABLE)
