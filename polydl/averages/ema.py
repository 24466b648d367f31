from __future__ import annotations

from decimal import Decimal

from polydl import ops
from polydl.averages.average import Average
from polydl.layers.checks import require_within
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class EMA(Average):
    """Exponential moving average: a = decay a + (1 - decay) p, from a = the initial weights.

    torch's swa_utils.AveragedModel and Keras' use_ema begin with the weights after the first update
    instead. warm_up: the decay of step t is min(decay, (1 + t) / (10 + t)), t = 0 at the first, as
    tf.train.ExponentialMovingAverage has it with num_updates: averages soon leave the initial weights.
    """

    decay: float = 0.999
    warm_up: bool = False

    def __post_init__(self) -> None:
        require_within("EMA", 0.0, 1.0, decay=self.decay)

    def weight(self, step: Tensor) -> Tensor | float:
        rest = float(1 - Decimal(repr(float(self.decay))))  # 0.001 of 0.999
        if not self.warm_up:
            return rest
        return ops.maximum(9.0 / (10 + step).astype("float"), rest)
