"""Dropout of whole parts: a sample's branch, or a channel's whole map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from polydl import ops
from polydl.layers.checks import require_axes, require_spatial, require_within
from polydl.program.sizes import Shape
from polydl.random import bernoulli
from polydl.spec.modes import when_training
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@dataclass(eq=False)
class PartDropout(Module):
    """What they share: one draw decides for all elements of a part."""

    rate: float = 0.5

    def __post_init__(self) -> None:
        require_within(type(self).__name__, 0.0, 1.0, rate=self.rate)

    def parts(self, x: Tensor) -> Shape:
        """The shape of the draws, which broadcasts to x."""
        raise NotImplementedError

    def __call__(self, x: Tensor) -> Tensor:
        keep = 1.0 - self.rate
        parts = self.parts(x)

        def drop() -> Tensor:
            return ops.where(bernoulli(keep, parts), x / keep, 0.0)

        return when_training(drop, lambda: x)


@builtin()
class DropPath(PartDropout):
    """In training, a sample of the batch is 0 with probability `rate`, else x / (1 - rate). Else x.

    Stochastic depth (Huang et al. 2016), for a residual branch: x + DropPath(0.1)(branch(x)). The
    same as torchvision.ops.StochasticDepth(rate, "row") and timm's DropPath.
    """

    def parts(self, x: Tensor) -> Shape:
        require_axes("DropPath", x, "batch", "...")
        return (x.shape[0], *(1,) * (x.ndim - 1))


@dataclass(eq=False)
class SpatialDropout(PartDropout):
    """What SpatialDropout1D, 2D and 3D share."""

    rank: ClassVar[int]

    def parts(self, x: Tensor) -> Shape:
        require_spatial(type(self).__name__, x, self.rank)
        return (x.shape[0], *(1,) * self.rank, x.shape[-1])


@builtin()
class SpatialDropout1D(SpatialDropout):
    """In training, a channel of (batch, length, channels) is 0 with probability `rate`, else
    x / (1 - rate). Else x. Tompson et al. 2015; torch calls it Dropout1d."""

    rank = 1


@builtin()
class SpatialDropout2D(SpatialDropout):
    """As SpatialDropout1D, of (batch, height, width, channels); torch calls it Dropout2d."""

    rank = 2


@builtin()
class SpatialDropout3D(SpatialDropout):
    """As SpatialDropout1D, of (batch, depth, height, width, channels); torch calls it Dropout3d."""

    rank = 3
