"""Dropout and the like."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_torch.natives.common import (
    ANY,
    CHANNELS_FIRST,
    Literal,
    Row,
)

GAUSSIAN_NOISE = '''class GaussianNoise(nn.Module):
    """Adds normal noise in training."""

    def __init__(self, stddev):
        super().__init__()
        self.stddev = stddev

    def forward(self, x):
        return x + self.stddev * torch.randn_like(x) if self.training else x'''


def native(name: str, setting: str, *support: str, layout: str = ANY) -> Row:
    """A layer of one setting, which draws for itself; with portable randomness, the definition."""

    def native(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        if len(block.inputs) > 1:
            return None
        text = f"{name}({literal(block.config[setting], setting)})"
        return Native(text, layout=layout, support=support)

    return native


NATIVES: dict[str, Row] = {
    **{
        f"polydl:SpatialDropout{n}D@1": native(f"nn.Dropout{n}d", "rate", layout=CHANNELS_FIRST)
        for n in (1, 2, 3)
    },
    "polydl:AlphaDropout@1": native("nn.AlphaDropout", "rate"),
    "polydl:Dropout@1": native("nn.Dropout", "rate"),
    "polydl:GaussianNoise@1": native("GaussianNoise", "deviation", "GaussianNoise"),
}

SUPPORT = {"GaussianNoise": GAUSSIAN_NOISE}

_PORTABLE = "with portable randomness: the mask comes from the definition"
REASONS: dict[str, str] = dict.fromkeys(NATIVES, _PORTABLE)
