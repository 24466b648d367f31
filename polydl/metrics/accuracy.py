from __future__ import annotations

from polydl import ops
from polydl.metrics.labels import LabelMetric
from polydl.metrics.results import ratio
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


class _Hits(LabelMetric):
    """Share of labels that are right: a mean over samples; over labels where some are ignored."""

    better = "max"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ignore_index is not None:
            self.combine, self.result = "sum", ratio

    def share(self, hits: Tensor, true: Tensor) -> Tensor:
        """Of hits, which are bools: the mean, or how many there are among how many."""
        kept = self.kept(true)
        if kept is None:
            return ops.mean(hits.astype("float"))
        return ops.stack([ops.sum(hits.astype("float") * kept), ops.sum(kept)])


@builtin()
class Accuracy(_Hits):
    """Share of labels that are right.

    outputs (..., classes) and targets (...), integers; with a threshold, outputs and targets of one
    shape, each a label of its own: see LabelMetric. threshold: 0.0 for logits, 0.5 for
    probabilities. sklearn: accuracy_score. Keras chooses between its accuracies by shapes;
    the thresholds of its BinaryAccuracy and torchmetrics' are of probabilities, 0.5 by default.
    """

    name: str = "accuracy"
    threshold: float | None = None
    ignore_index: int | None = None

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        given, true = self.labels(outputs, targets)
        correct = given == true
        return self.share(correct, true)


@builtin()
class TopKAccuracy(_Hits):
    """Share of samples whose label is among the k largest outputs, the first among equals.

    outputs (..., classes), targets (...) integers, or (..., classes) whose largest is the label.
    Among equals, sklearn's top_k_accuracy_score takes the last; Keras and TensorFlow count a label
    that ties with the k-th as a hit.
    """

    k: int = 5
    name: str = "top_k_accuracy"
    ignore_index: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.k > 0, f"k must be positive, got {self.k!r}")

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        _, true = self.labels(outputs, targets)
        classes = self.classes(outputs)
        label = true if self.ignore_index is None else ops.clip(true, 0, classes - 1)
        label = label[..., None]
        own = ops.take_along_axis(outputs, label, -1)
        first = (outputs == own) & (ops.arange(classes) < label)
        before = ops.sum((outputs > own) | first, -1)
        return self.share(before < self.k, true)
