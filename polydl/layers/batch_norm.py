from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_axes, require_within
from polydl.program.sizes import product
from polydl.spec.modes import when_training
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class BatchNorm(Module):
    """y = (x - mean) / sqrt(variance + epsilon) * scale + bias, per channel (the last axis).

    In training, mean and biased variance are those of the batch, over all axes but the last, and
    running values move: running = momentum running + (1 - momentum) batch. Else the running values
    are used. Ioffe & Szegedy 2015.

    unbiased: whether the running variance moves towards the batch's divided by n - 1, as the paper
    has it and torch does, and not by n, as Keras and Flax do and we by default. Of one number a
    channel that is no number: such a batch, a last one of one sample say, cannot be trained on.

    torch counts momentum the other way (0.1 is our 0.9). epsilon: Keras defaults to 1e-3, torch and
    Flax to 1e-5 as we do.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    unbiased: bool = False

    def __post_init__(self) -> None:
        require_within("BatchNorm", 0.0, 1.0, momentum=self.momentum, epsilon=self.epsilon)

    def __call__(self, x: Tensor) -> Tensor:
        require_axes("BatchNorm", x, "batch", "...", "channels")
        channels = (x.shape[-1],)
        axes = tuple(range(x.ndim - 1))
        running_mean = self.state("mean", channels, "zeros")
        running_variance = self.state("variance", channels, "ones")

        def batch() -> tuple[Tensor, Tensor]:
            mean = ops.mean(x, axes)
            centered = x - mean
            variance = ops.mean(centered * centered, axes)
            self._move("mean", running_mean, mean)
            moved = variance * self._correction(x) if self.unbiased else variance
            self._move("variance", running_variance, moved)
            return mean, variance

        mean, variance = when_training(batch, lambda: (running_mean, running_variance))
        normal = (x - mean) * ops.rsqrt(variance + self.epsilon)
        scale = self.parameter("scale", channels, "ones")
        return normal * scale + self.parameter("bias", channels, "zeros")

    def _correction(self, x: Tensor) -> Tensor | float:
        """n / (n - 1) for n numbers a channel."""
        n = product(x.shape[:-1])
        if isinstance(n, int):
            return n / max(n - 1, 1)
        count = ops.sum(ops.ones(x.shape[:-1]))
        return count / ops.clip(count - 1, 1)

    def _move(self, name: str, running: Tensor, batch: Tensor) -> None:
        weight = round(1.0 - self.momentum, 15)  # 0.1, not 0.09999999999999998
        self.update(name, self.momentum * running + weight * ops.stop_gradient(batch))
