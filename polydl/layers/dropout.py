from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_within
from polydl.random import bernoulli
from polydl.spec.modes import when_training
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Dropout(Module):
    """In training, each element is 0 with probability `rate`, else x / (1 - rate). Else x.

    Srivastava et al. 2014. Which elements: the framework's own generator, or with
    randomness="portable" a hash that is the same everywhere.
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        require_within("Dropout", 0.0, 1.0, rate=self.rate)

    def __call__(self, x: Tensor) -> Tensor:
        keep = 1.0 - self.rate

        def drop() -> Tensor:
            kept = bernoulli(keep, x.shape)
            return ops.where(kept, x / keep, 0.0)

        return when_training(drop, lambda: x)
