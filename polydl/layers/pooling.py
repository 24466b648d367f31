from __future__ import annotations

from typing import Any

from polydl import ops
from polydl.layers.checks import require_image
from polydl.layers.geometry import Padding, check_padding, pair, resolve_padding
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


class _Pool2D(Module):
    """What the two windowed pools share: their geometry."""

    pool_size: int | tuple[int, int]
    strides: int | tuple[int, int] | None
    padding: Padding

    def __post_init__(self) -> None:
        name = type(self).__name__
        pair(name, "pool_size", self.pool_size)
        if self.strides is not None:
            pair(name, "strides", self.strides)
        check_padding(name, self.padding)

    def geometry(self, x: Tensor) -> dict[str, Any]:
        name = type(self).__name__
        require_image(name, x)
        window = pair(name, "pool_size", self.pool_size)
        strides = pair(name, "strides", self.strides or self.pool_size)
        padding = resolve_padding(name, self.padding, x.shape[1:3], window, strides)
        return {"window": window, "strides": strides, "padding": padding}


@builtin()
class MaxPool2D(_Pool2D):
    """Largest of each window of (batch, height, width, channels). Padding never wins.

    A NaN wins, but not with Keras on a CPU, whose kernel ignores it.

    strides: the window's size by default, as in torch and Keras; Flax defaults to 1.
    """

    pool_size: int | tuple[int, int] = 2
    strides: int | tuple[int, int] | None = None
    padding: Padding = "valid"

    def __call__(self, x: Tensor) -> Tensor:
        return ops.window_max(x, **self.geometry(x))


@builtin()
class AvgPool2D(_Pool2D):
    """Mean of each window of (batch, height, width, channels). Padding is not counted.

    Keras leaves padding out as we do; torch and Flax count it by default.
    """

    pool_size: int | tuple[int, int] = 2
    strides: int | tuple[int, int] | None = None
    padding: Padding = "valid"

    def __call__(self, x: Tensor) -> Tensor:
        geometry = self.geometry(x)
        total = ops.window_sum(x, **geometry)
        if all(pads == (0, 0) for pads in geometry["padding"]):
            height, width = geometry["window"]
            return total / float(height * width)
        count = ops.window_sum(ops.full((1, *x.shape[1:3], 1), 1.0), **geometry)
        return total / count


@builtin()
class GlobalAvgPool2D(Module):
    """Mean over height and width: (batch, height, width, channels) to (batch, channels)."""

    def __call__(self, x: Tensor) -> Tensor:
        require_image("GlobalAvgPool2D", x)
        return ops.mean(x, (1, 2))
