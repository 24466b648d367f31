"""Layers that rearrange."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.program.types import Block
from polydl_torch.natives.common import (
    Literal,
    Row,
)


def flatten(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native("{0!a}.flatten(1)", module="nn.Flatten()")


NATIVES: dict[str, Row] = {
    "polydl:Flatten@1": flatten,
}
