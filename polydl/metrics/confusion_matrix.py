from __future__ import annotations

import numpy as np

from polydl import ops
from polydl.metrics.labels import LabelMetric, flattened
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


def whole_numbers(total: np.ndarray) -> np.ndarray:
    """Counts as integers."""
    return total.astype(int)


@builtin()
class ConfusionMatrix(LabelMetric):
    """How often each class (row) was taken for each (column): integers (classes, classes).

    outputs (..., classes), targets integers (...). With a threshold: (2, 2), [[TN, FP], [FN, TP]], of
    all labels together. Rows are what is true, as in sklearn's confusion_matrix and torchmetrics.
    Every step brings classes^2 numbers, which stay on the device until the epoch's end.
    """

    name: str = "confusion_matrix"
    threshold: float | None = None
    ignore_index: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.combine, self.result = "sum", whole_numbers

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.threshold is None:
            given, true = self.indicators(outputs, targets)
        else:
            given, true = (
                ops.one_hot(flattened(labels), 2) for labels in self.labels(outputs, targets)
            )
        return ops.einsum("nt,ng->tg", true, given)
