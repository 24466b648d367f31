from __future__ import annotations

from polydl import ops
from polydl.errors import ShapeError
from polydl.functions.positions import sinusoidal_encoding
from polydl.layers.checks import (
    require_above_zero,
    require_at_most,
    require_known,
    require_positive,
)
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class SinusoidalPositionalEncoding(Module):
    """x plus sinusoidal_encoding of 0, 1, ..., time - 1. x (batch, time, width). Vaswani et al. 2017.

    base and interleaved as there.
    """

    base: float = 10000.0
    interleaved: bool = True

    def __post_init__(self) -> None:
        require_above_zero("SinusoidalPositionalEncoding", base=self.base)

    def __call__(self, x: Tensor) -> Tensor:
        _require_time("SinusoidalPositionalEncoding", x)
        width = require_known("SinusoidalPositionalEncoding", features=x.shape[-1])
        position = ops.arange(x.shape[1])
        return x + sinusoidal_encoding(
            position, width=width, base=self.base, interleaved=self.interleaved
        )


@builtin()
class LearnedPositionalEncoding(Module):
    """x plus one learned row for each position: x + table[:time]. x (batch, time, width).

    length: the most positions there can be; longer input is an error. table (length, width).
    As in BERT and GPT-2; Gehring et al. 2017.
    """

    length: int
    table_initializer: str | Initializer = "normal"

    def __post_init__(self) -> None:
        require_positive("LearnedPositionalEncoding", length=self.length)

    def __call__(self, x: Tensor) -> Tensor:
        _require_time("LearnedPositionalEncoding", x)
        require_at_most("LearnedPositionalEncoding", self.length, x.shape[1])
        time = x.shape[1]
        table = self.parameter("table", (self.length, x.shape[2]), self.table_initializer)
        if not isinstance(time, int):
            return x + ops.take(table, ops.arange(time), 0)
        return x + table[:time]


def _require_time(layer: str, x: Tensor) -> None:
    if x.ndim != 3:
        raise ShapeError(f"{layer} takes (batch, time, width), got {x!r}")
