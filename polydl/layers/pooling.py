from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from polydl import ops
from polydl.layers.checks import require_spatial
from polydl.layers.geometry import Ints, Padding, check_padding, per_axis, resolve_padding
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@dataclass(eq=False)
class Pool(Module):
    """What windowed pools over any number of axes share: their geometry.

    strides: the window's size by default, as in torch and Keras; Flax defaults to 1.
    """

    rank: ClassVar[int]

    pool_size: Ints = 2
    strides: Ints | None = None
    padding: Padding = "valid"

    def __post_init__(self) -> None:
        name = type(self).__name__
        per_axis(name, "pool_size", self.pool_size, self.rank)
        if self.strides is not None:
            per_axis(name, "strides", self.strides, self.rank)
        check_padding(name, self.padding, self.rank, ("same", "valid"))

    def geometry(self, x: Tensor) -> dict[str, Any]:
        name = type(self).__name__
        require_spatial(name, x, self.rank)
        window = per_axis(name, "pool_size", self.pool_size, self.rank)
        strides = window
        if self.strides is not None:
            strides = per_axis(name, "strides", self.strides, self.rank)
        padding = resolve_padding(name, self.padding, x.shape[1:-1], window, strides)
        return {"window": window, "strides": strides, "padding": padding}


@dataclass(eq=False)
class MaxPool(Pool):
    def __call__(self, x: Tensor) -> Tensor:
        return ops.window_max(x, **self.geometry(x))


@dataclass(eq=False)
class AvgPool(Pool):
    """count_padding: whether padding counts as zeros, or is left out of sum and number."""

    count_padding: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        geometry = self.geometry(x)
        total = ops.window_sum(x, **geometry)
        if self.count_padding or all(pads == (0, 0) for pads in geometry["padding"]):
            return total / float(math.prod(geometry["window"]))
        count = ops.window_sum(ops.full((1, *x.shape[1:-1], 1), 1.0), **geometry)
        return total / count


@builtin()
class MaxPool1D(MaxPool):
    """Largest of each window of (batch, length, channels). See MaxPool2D."""

    rank = 1


@builtin()
class MaxPool2D(MaxPool):
    """Largest of each window of (batch, height, width, channels). Padding never wins.

    Among equals the first, row by row, has the derivative. A NaN wins, but not with Keras' own
    layer on a CPU, whose kernel passes over it.

    strides: the window's size by default, as in torch and Keras; Flax defaults to 1.
    """

    rank = 2


@builtin()
class MaxPool3D(MaxPool):
    """Largest of each window of (batch, depth, height, width, channels). See MaxPool2D."""

    rank = 3


@builtin()
class AvgPool1D(AvgPool):
    """Mean of each window of (batch, length, channels). See AvgPool2D."""

    rank = 1


@builtin()
class AvgPool2D(AvgPool):
    """Mean of each window of (batch, height, width, channels).

    count_padding: whether padding counts as zeros. Keras always leaves it out, as we do by default;
    torch and Flax count it by default (count_include_pad).
    """

    rank = 2


@builtin()
class AvgPool3D(AvgPool):
    """Mean of each window of (batch, depth, height, width, channels). See AvgPool2D."""

    rank = 3
