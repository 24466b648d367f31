from __future__ import annotations

from typing import Any

import numpy as np

from polydl import ops
from polydl.losses.common import check_distributions
from polydl.losses.loss import Loss
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class KLDivergence(Loss):
    """KL(p || q) = sum over the last axis of p (log p - log q).

    outputs: log q, log-probabilities as log_softmax gives them; targets: p, probabilities, or their
    logarithms with log_targets. torch: F.kl_div takes the same, and its reduction="batchmean" is our
    "mean" of (batch, classes); its own "mean" divides by the number of classes as well. optax:
    kl_divergence takes the same. Keras takes probabilities q, and cuts both off at 1e-7.
    """

    log_targets: bool = False
    reduction: str = "mean"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.log_targets:
            return ops.sum(ops.exp(targets) * (targets - outputs), -1)
        log_targets = ops.log(ops.where(targets > 0.0, targets, 1.0))  # p log p is 0 at 0
        return ops.sum(targets * (log_targets - outputs), -1)

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        check_distributions("KLDivergence", np.exp(targets) if self.log_targets else targets)
