"""Losses of numbers: functions of the difference d = outputs - targets of each element."""

from __future__ import annotations

import math

from polydl import ops
from polydl.functions.activations import softplus
from polydl.losses.loss import Loss
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class MSE(Loss):
    """d^2. torch: F.mse_loss. `optax.l2_loss` is half of it."""

    reduction: str = "mean"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        difference = outputs - targets
        return difference * difference


@builtin()
class MAE(Loss):
    """|d|, whose derivative at 0 is 0. torch: F.l1_loss. JAX's abs has the derivative 1 at 0."""

    reduction: str = "mean"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return abs(outputs - targets)


@builtin()
class Huber(Loss):
    """d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) elsewhere (Huber 1964).

    The same in torch (F.huber_loss), Keras and optax. SmoothL1 is this divided by delta.
    """

    delta: float = 1.0
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.delta > 0, f"delta must be above 0, got {self.delta!r}")

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        difference = outputs - targets
        distance = abs(difference)
        quadratic = 0.5 * difference * difference
        linear = self.delta * (distance - 0.5 * self.delta)
        return ops.where(distance <= self.delta, quadratic, linear)


@builtin()
class SmoothL1(Loss):
    """d^2 / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere (Girshick 2015).

    torch: F.smooth_l1_loss. beta=0 is MAE. Keras and optax have Huber, which is beta times this.
    """

    beta: float = 1.0
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.beta >= 0, f"beta must be 0 or more, got {self.beta!r}")

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        difference = outputs - targets
        distance = abs(difference)
        if self.beta == 0:
            return distance
        quadratic = difference * difference * (0.5 / self.beta)
        return ops.where(distance < self.beta, quadratic, distance - 0.5 * self.beta)


@builtin()
class LogCosh(Loss):
    """log cosh d, as d + log(1 + e^-2d) - log 2, which does not overflow.

    Keras: log_cosh, optax: log_cosh.
    """

    reduction: str = "mean"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        difference = outputs - targets
        return difference + softplus(-2.0 * difference) - math.log(2.0)
