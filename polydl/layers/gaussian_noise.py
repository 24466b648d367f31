from __future__ import annotations

import math

from polydl import ops
from polydl.layers.checks import require_within
from polydl.spec.modes import when_training
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class GaussianNoise(Module):
    """In training, x + deviation * n with n from the standard normal distribution. Else x.

    Keras' GaussianNoise, which takes deviations up to 1; torch and Flax have none.
    """

    deviation: float = 0.1

    def __post_init__(self) -> None:
        require_within("GaussianNoise", 0.0, math.inf, deviation=self.deviation)

    def __call__(self, x: Tensor) -> Tensor:
        def noisy() -> Tensor:
            return x + self.deviation * ops.random_normal(x.shape)

        return when_training(noisy, lambda: x)
