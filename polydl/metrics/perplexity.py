from __future__ import annotations

import numpy as np

from polydl import ops
from polydl.functions.probabilities import log_softmax
from polydl.metrics.metric import Metric
from polydl.program.sizes import same_shape
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


def exponential_of_mean(total: np.ndarray) -> float:
    """e to the mean cross-entropy of all tokens."""
    entropy, count = total
    with np.errstate(over="ignore"):
        return float(np.exp(entropy / np.maximum(count, 1)))


@builtin()
class Perplexity(Metric):
    """e to the mean of -log softmax(outputs)[target], over all tokens of an epoch.

    outputs (..., classes) are logits, targets (...) integers; those that are ignore_index do not count.
    It is not the mean of batches' perplexities. torchmetrics: Perplexity; keras_hub: Perplexity.
    """

    better = "min"

    name: str = "perplexity"
    ignore_index: int | None = None

    def __post_init__(self) -> None:
        self.combine, self.result = "sum", exponential_of_mean

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        self.require_float(outputs)
        good = targets.dtype == "int" and same_shape(outputs.shape[:-1], targets.shape)
        wanted = "outputs (..., classes) and integer targets (...)"
        self.require_shapes(good, outputs, targets, wanted)
        ignored = None if self.ignore_index is None else targets == self.ignore_index
        labels = targets if ignored is None else ops.where(ignored, 0, targets)
        entropy = -ops.take_along_axis(log_softmax(outputs), labels[..., None], -1)[..., 0]
        count = ops.ones_like(entropy)
        if ignored is not None:
            entropy, count = ops.where(ignored, 0.0, entropy), ops.where(ignored, 0.0, count)
        return ops.stack([ops.sum(entropy), ops.sum(count)])
