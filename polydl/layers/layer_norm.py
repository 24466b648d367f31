from __future__ import annotations

from polydl import ops
from polydl.errors import DefinitionError, ShapeError
from polydl.layers.checks import require_known, require_within
from polydl.primitives.record import normal_axes
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class LayerNorm(Module):
    """y = (x - mean) / sqrt(variance + epsilon) * scale + bias, over the last axis, or several.

    axes: any but the batch's, in any order. Mean and variance are over them together, and scale and
    bias have their sizes, in the order of x: for axes=(1, 2, 3) of images one number a pixel and
    channel, as in torch (whose axes are the last ones) and Keras. Flax chooses the axes of scale and
    bias apart. GroupNorm(1) has the same mean and variance, and a scale for each channel alone.

    The variance is biased (divided by n). Ba et al. 2016. epsilon: torch defaults to 1e-5 as we do,
    Keras to 1e-3, Flax to 1e-6.
    """

    epsilon: float = 1e-5
    axes: int | tuple[int, ...] = -1

    def __post_init__(self) -> None:
        require_within("LayerNorm", 0.0, 1.0, epsilon=self.epsilon)
        given = self.axes if isinstance(self.axes, (tuple, list)) else (self.axes,)
        if not given or any(isinstance(a, bool) or not isinstance(a, int) for a in given):
            raise DefinitionError(
                f"LayerNorm: axes is an integer or several, as in (-2, -1), got {self.axes!r}"
            )
        if 0 in given or len(set(given)) < len(given):
            raise DefinitionError(
                f"LayerNorm: axes are different ones and not the batch's, 0, got {self.axes!r}"
            )

    def __call__(self, x: Tensor) -> Tensor:
        axes = normal_axes("LayerNorm", self.axes, x.ndim)
        if 0 in axes and x.ndim > 1:
            raise ShapeError(f"LayerNorm: axes {self.axes} of {x!r} hold the batch's, 0")
        centered = x - ops.mean(x, self.axes, keepdims=True)
        variance = ops.mean(centered * centered, self.axes, keepdims=True)
        normal = centered * ops.rsqrt(variance + self.epsilon)
        scale = self._along("scale", x, sorted(axes), "ones")
        return normal * scale + self._along("bias", x, sorted(axes), "zeros")

    def _along(self, name: str, x: Tensor, axes: list[int], initializer: str) -> Tensor:
        """A parameter that has the sizes of these axes of x, and stretches over the others."""
        sizes = tuple(require_known("LayerNorm", normalised=x.shape[axis]) for axis in axes)
        values = self.parameter(name, sizes, initializer)
        if axes[0] + len(axes) == x.ndim:
            return values
        return ops.reshape(values, tuple(x.shape[i] if i in axes else 1 for i in range(x.ndim)))


@builtin()
class RMSNorm(Module):
    """y = x / sqrt(mean(x^2) + epsilon) * scale, over the last axis. Zhang & Sennrich 2019.

    epsilon: Flax and Keras default to 1e-6 as we do, torch to the smallest step of the dtype at 1.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_within("RMSNorm", 0.0, 1.0, epsilon=self.epsilon)

    def __call__(self, x: Tensor) -> Tensor:
        mean_square = ops.mean(x * x, -1, keepdims=True)
        normal = x * ops.rsqrt(mean_square + self.epsilon)
        return normal * self.parameter("scale", (x.shape[-1],), "ones")
