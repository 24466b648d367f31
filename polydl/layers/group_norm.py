from __future__ import annotations

from polydl import ops
from polydl.errors import ShapeError
from polydl.layers.checks import require_groups, require_positive, require_within
from polydl.program.sizes import product
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class GroupNorm(Module):
    """y = (x - mean) / sqrt(variance + epsilon) * scale + bias, per sample and group of channels.

    Input (batch, ..., channels) of any rank from 2. Mean and biased variance are over all axes but
    the batch, within each of `groups` runs of neighbouring channels; scale and bias are per channel.
    One group is layer normalisation of a whole sample, as many groups as channels instance
    normalisation. Wu & He 2018. epsilon: torch defaults to 1e-5 as we do, Keras to 1e-3, Flax to
    1e-6.
    """

    groups: int
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        require_positive("GroupNorm", groups=self.groups)
        require_within("GroupNorm", 0.0, 1.0, epsilon=self.epsilon)

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim < 2:
            raise ShapeError(f"GroupNorm takes (batch, ..., channels), got {x!r}")
        channels = require_groups("GroupNorm", self.groups, channels=x.shape[-1])
        places = product(x.shape[1:-1])
        grouped = ops.reshape(x, (x.shape[0], places, self.groups, channels // self.groups))
        centered = grouped - ops.mean(grouped, (1, 3), keepdims=True)
        variance = ops.mean(centered * centered, (1, 3), keepdims=True)
        normal = ops.reshape(centered * ops.rsqrt(variance + self.epsilon), x.shape)
        scale = self.parameter("scale", (channels,), "ones")
        return normal * scale + self.parameter("bias", (channels,), "zeros")
