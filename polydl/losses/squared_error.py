from __future__ import annotations

from polydl import ops
from polydl.losses.loss import Loss
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class MSE(Loss):
    """Mean of (outputs - targets)^2 over all elements. `optax.l2_loss` is half of it."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        difference = outputs - targets
        return ops.mean(difference * difference)
