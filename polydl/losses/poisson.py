from __future__ import annotations

from typing import Any

import numpy as np

from polydl import ops
from polydl.losses.common import check_range
from polydl.losses.loss import Loss
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Poisson(Loss):
    """-log of a Poisson distribution's probability of the targets, without the term log(targets!).

    e^o - targets o where outputs o are logarithms of rates (log_input), o - targets log(o + epsilon)
    where they are rates. torch: F.poisson_nll_loss, log_input by default as here. Keras: rates, with
    epsilon 1e-7. targets: counts, 0 or more, of the outputs' shape.
    """

    log_input: bool = True
    epsilon: float = 1e-8
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.epsilon >= 0, f"epsilon must be 0 or more, got {self.epsilon!r}")

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.log_input:
            return ops.exp(outputs) - targets * outputs
        return outputs - targets * ops.log(outputs + self.epsilon)

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        check_range("Poisson", targets, 0, np.inf)
