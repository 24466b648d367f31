from __future__ import annotations

from typing import ClassVar

from polydl import ops
from polydl.layers.checks import require_spatial
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


class GlobalPool(Module):
    """What pools over all spatial axes share."""

    rank: ClassVar[int]

    def spatial_axes(self, x: Tensor) -> tuple[int, ...]:
        require_spatial(type(self).__name__, x, self.rank)
        return tuple(range(1, x.ndim - 1))


class GlobalAvgPool(GlobalPool):
    def __call__(self, x: Tensor) -> Tensor:
        return ops.mean(x, self.spatial_axes(x))


class GlobalMaxPool(GlobalPool):
    """NaN makes it NaN, but with Keras' own layers, which pass over it."""

    def __call__(self, x: Tensor) -> Tensor:
        return ops.max(x, self.spatial_axes(x))


@builtin()
class GlobalAvgPool1D(GlobalAvgPool):
    """Mean over the length: (batch, length, channels) to (batch, channels)."""

    rank = 1


@builtin()
class GlobalAvgPool2D(GlobalAvgPool):
    """Mean over height and width: (batch, height, width, channels) to (batch, channels)."""

    rank = 2


@builtin()
class GlobalAvgPool3D(GlobalAvgPool):
    """Mean over depth, height and width, to (batch, channels)."""

    rank = 3


@builtin()
class GlobalMaxPool1D(GlobalMaxPool):
    """Largest over the length: (batch, length, channels) to (batch, channels).

    Equals share the derivative evenly, as in all three frameworks; torch's max(dim) and its
    adaptive_max_pool give it to one.
    """

    rank = 1


@builtin()
class GlobalMaxPool2D(GlobalMaxPool):
    """Largest over height and width, to (batch, channels). See GlobalMaxPool1D."""

    rank = 2


@builtin()
class GlobalMaxPool3D(GlobalMaxPool):
    """Largest over depth, height and width, to (batch, channels). See GlobalMaxPool1D."""

    rank = 3
