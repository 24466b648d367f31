from __future__ import annotations

from polydl import ops
from polydl.metrics.metric import Metric
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Accuracy(Metric):
    """Share of samples whose largest output is the label's. outputs (..., classes), targets (...)."""

    name: str = "accuracy"

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        correct = ops.argmax(outputs, -1) == targets
        return ops.mean(correct.astype("float"))
