from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_within
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class LayerNorm(Module):
    """y = (x - mean) / sqrt(variance + epsilon) * scale + bias, over the last axis.

    The variance is biased (divided by n). Ba et al. 2016. epsilon: torch defaults to 1e-5 as we do,
    Keras to 1e-3, Flax to 1e-6.
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        require_within("LayerNorm", 0.0, 1.0, epsilon=self.epsilon)

    def __call__(self, x: Tensor) -> Tensor:
        features = x.shape[-1]
        centered = x - ops.mean(x, -1, keepdims=True)
        variance = ops.mean(centered * centered, -1, keepdims=True)
        normal = centered * ops.rsqrt(variance + self.epsilon)
        scale = self.parameter("scale", (features,), "ones")
        return normal * scale + self.parameter("bias", (features,), "zeros")


@builtin()
class RMSNorm(Module):
    """y = x / sqrt(mean(x^2) + epsilon) * scale, over the last axis. Zhang & Sennrich 2019.

    epsilon: Flax and Keras default to 1e-6 as we do, torch to the dtype's own.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_within("RMSNorm", 0.0, 1.0, epsilon=self.epsilon)

    def __call__(self, x: Tensor) -> Tensor:
        mean_square = ops.mean(x * x, -1, keepdims=True)
        normal = x * ops.rsqrt(mean_square + self.epsilon)
        return normal * self.parameter("scale", (x.shape[-1],), "ones")
