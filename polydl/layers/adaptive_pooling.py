from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from polydl import ops
from polydl.errors import ShapeError
from polydl.layers.checks import require_spatial
from polydl.layers.geometry import Ints, per_axis
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


def bins(size: int, count: int) -> list[tuple[int, int]]:
    """(start, end) of each of `count` bins: floor(i size / count), ceil((i + 1) size / count)."""
    return [(i * size // count, -((i + 1) * size // -count)) for i in range(count)]


@dataclass(eq=False)
class AdaptivePool(Module):
    """What pools to a given size share: bins of an axis, which may overlap by one."""

    rank: ClassVar[int]

    output_size: Ints

    def __post_init__(self) -> None:
        per_axis(type(self).__name__, "output_size", self.output_size, self.rank)

    def __call__(self, x: Tensor) -> Tensor:
        name = type(self).__name__
        require_spatial(name, x, self.rank)
        counts = per_axis(name, "output_size", self.output_size, self.rank)
        for axis in range(self.rank, 0, -1):  # the last first: of equals, the first in row order
            size, count = x.shape[axis], counts[axis - 1]
            if not isinstance(size, int):
                raise ShapeError(
                    f"{name}: the bins depend on the size {size}, known only at run time. Give "
                    f"dl.Input a fixed size, or use {name.replace('Adaptive', 'Global')}"
                )
            if size % count == 0:
                x = self.pool(x, axis, size // count)
            else:
                before = (slice(None),) * axis
                parts = [(x[(*before, slice(a, b))], b - a) for a, b in bins(size, count)]
                x = ops.concatenate([self.pool(part, axis, n) for part, n in parts], axis)
        return x

    def pool(self, x: Tensor, axis: int, size: int) -> Tensor:
        """Windows of `size` along one axis, side by side."""
        raise NotImplementedError

    def windows(self, axis: int, size: int) -> dict[str, Any]:
        window = tuple(size if i == axis else 1 for i in range(1, self.rank + 1))
        return {"window": window, "strides": window, "padding": ((0, 0),) * self.rank}


class AdaptiveAvgPool(AdaptivePool):
    def pool(self, x: Tensor, axis: int, size: int) -> Tensor:
        return ops.window_sum(x, **self.windows(axis, size)) / float(size)


class AdaptiveMaxPool(AdaptivePool):
    def pool(self, x: Tensor, axis: int, size: int) -> Tensor:
        return ops.window_max(x, **self.windows(axis, size))


@builtin()
class AdaptiveAvgPool1D(AdaptiveAvgPool):
    """Mean of each of output_size bins: (batch, length, channels). See AdaptiveAvgPool2D."""

    rank = 1


@builtin()
class AdaptiveAvgPool2D(AdaptiveAvgPool):
    """Mean of each bin of (batch, height, width, channels), whose sizes must be known.

    output_size: how many bins there are on each axis. Bin i of n reaches from floor(i size / n) to
    ceil((i + 1) size / n), as in torch and Keras: bins overlap where n does not divide the size.
    Flax has no such layer.
    """

    rank = 2


@builtin()
class AdaptiveAvgPool3D(AdaptiveAvgPool):
    """Mean of each bin of (batch, depth, height, width, channels). See AdaptiveAvgPool2D."""

    rank = 3


@builtin()
class AdaptiveMaxPool1D(AdaptiveMaxPool):
    """Largest of each of output_size bins: (batch, length, channels). See AdaptiveMaxPool2D."""

    rank = 1


@builtin()
class AdaptiveMaxPool2D(AdaptiveMaxPool):
    """Largest of each bin of (batch, height, width, channels), the bins of AdaptiveAvgPool2D.

    Among equals the first, row by row, has the derivative, as in torch; in Keras it is the first
    column by column.
    """

    rank = 2


@builtin()
class AdaptiveMaxPool3D(AdaptiveMaxPool):
    """Largest of each bin of (batch, depth, height, width, channels). See AdaptiveMaxPool2D."""

    rank = 3
