from __future__ import annotations

from polydl import ops
from polydl.errors import ShapeError
from polydl.layers.checks import require_groups, require_known, require_positive, require_within
from polydl.program.sizes import product
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


class _Grouped(Module):
    """What norms of groups of channels share."""

    epsilon: float

    def normalize(self, x: Tensor, groups: int, channels: int) -> Tensor:
        places = product(x.shape[1:-1])
        grouped = ops.reshape(x, (x.shape[0], places, groups, channels // groups))
        centered = grouped - ops.mean(grouped, (1, 3), keepdims=True)
        variance = ops.mean(centered * centered, (1, 3), keepdims=True)
        normal = ops.reshape(centered * ops.rsqrt(variance + self.epsilon), x.shape)
        scale = self.parameter("scale", (channels,), "ones")
        return normal * scale + self.parameter("bias", (channels,), "zeros")


@builtin()
class GroupNorm(_Grouped):
    """y = (x - mean) / sqrt(variance + epsilon) * scale + bias, per sample and group of channels.

    Input (batch, ..., channels) of any rank from 2. Mean and biased variance are over all axes but
    the batch, within each of `groups` runs of neighbouring channels; scale and bias are per channel.
    One group is layer normalisation of a whole sample, as many groups as channels InstanceNorm.
    Wu & He 2018. epsilon: torch defaults to 1e-5 as we do, Keras to 1e-3, Flax to 1e-6.
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
        return self.normalize(x, self.groups, channels)


@builtin()
class InstanceNorm(_Grouped):
    """y = (x - mean) / sqrt(variance + epsilon) * scale + bias, per sample and channel.

    Input (batch, ..., channels) of any rank from 3: GroupNorm with as many groups as channels. Ulyanov
    et al. 2016. torch has no scale and bias by default (affine=False), and refuses a batch of no
    samples; Keras writes GroupNormalization(groups=-1). epsilon: torch defaults to 1e-5 as we do,
    Keras to 1e-3, Flax to 1e-6.
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        require_within("InstanceNorm", 0.0, 1.0, epsilon=self.epsilon)

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim < 3 or all(isinstance(size, int) and size == 1 for size in x.shape[1:-1]):
            raise ShapeError(
                f"InstanceNorm takes (batch, ..., channels) with several places between, got {x!r}; "
                "of one place nothing would be left but the bias"
            )
        channels = require_known("InstanceNorm", channels=x.shape[-1])
        return self.normalize(x, channels, channels)
