"""Losses."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.program.types import Block
from polydl_torch.natives.common import (
    Literal,
    Row,
    function_row,
)


def cross_entropy(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """F.cross_entropy wants int64 labels, and classes on axis 1."""
    rank = len(block.inputs[0].shape)
    if rank == 2:
        return function_native("F.cross_entropy({0}, {1!a}.long())")
    return function_native("F.cross_entropy({0!a}.flatten(0, -2), {1!a}.long().flatten())")


NATIVES: dict[str, Row] = {
    "polydl:CrossEntropy@1": cross_entropy,
    "polydl:MSE@1": function_row("F.mse_loss({0}, {1})"),
}
