"""What metrics of class labels share: which label is given, and which is true."""

from __future__ import annotations

import math

from polydl import ops
from polydl.metrics.metric import Metric
from polydl.program.sizes import same_shape
from polydl.spec.tensor import Tensor

_CLASSES = (
    "outputs (..., classes), of two classes or more, and integer targets (...), or targets of the "
    "outputs' shape, whose largest is the label; where each output is a label of its own, give "
    "threshold=0.0 for logits, 0.5 for probabilities, or the metric by name, which goes by the loss"
)
_BINARY = "with a threshold, outputs and targets of one shape"


class LabelMetric(Metric):
    """A metric of class labels.

    Without a threshold: outputs (..., classes), whose largest is the label given, the first among
    equals; targets integers (...), or one-hot or soft labels (..., classes). Labels that are
    ignore_index do not count. With a threshold: each output is a label of its own, 1 where it is
    above: 0.0 for logits, 0.5 for probabilities; targets, of the same shape, are 1 where above 0.5.
    """

    threshold: float | None = None
    ignore_index: int | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None:
            self.require(math.isfinite(self.threshold),
                         f"threshold must be finite, got {self.threshold!r}")  # fmt: skip
            self.require(self.ignore_index is None,
                         "ignore_index is for labels of classes, without a threshold")  # fmt: skip

    def labels(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Integer labels given, and those that are true, of one shape."""
        self.require_float(outputs)
        alike = same_shape(outputs.shape, targets.shape)
        if self.threshold is not None:
            self.require_shapes(alike, outputs, targets, _BINARY)
            true = targets > 0.5 if targets.dtype == "float" else targets > 0
            return (outputs > self.threshold).astype("int"), true.astype("int")
        several = outputs.ndim > 0 and self.classes(outputs) > 1
        indices = targets.dtype == "int" and same_shape(outputs.shape[:-1], targets.shape)
        self.require_shapes(several and (alike or indices), outputs, targets, _CLASSES)
        if indices:
            return ops.argmax(outputs, -1), targets
        self.require(self.ignore_index is None, "ignore_index is for integer targets")
        return ops.argmax(outputs, -1), ops.argmax(targets, -1)

    def kept(self, true: Tensor) -> Tensor | None:
        """1 for each label that counts, 0 for each that is ignored; None where all count."""
        return None if self.ignore_index is None else (true != self.ignore_index).astype("float")

    def indicators(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """1 where a class is given, and where it is true: (labels, classes).

        With a threshold the classes are the last axis' labels, or one where there is one axis. Rows of
        ignored labels are 0.
        """
        labels, targets = self.labels(outputs, targets)
        if self.threshold is not None:
            return columns(labels.astype("float")), columns(targets.astype("float"))
        classes = self.classes(outputs)
        given = ops.one_hot(flattened(labels), classes)
        true = ops.one_hot(flattened(targets), classes)
        kept = self.kept(flattened(targets))
        if kept is None:
            return given, true
        kept = kept[:, None]
        return given * kept, true * kept


def flattened(labels: Tensor) -> Tensor:
    """Labels of all samples in one axis."""
    return labels if labels.ndim == 1 else ops.reshape(labels, (-1,))


def columns(values: Tensor) -> Tensor:
    """(n, width): those of the last axis, or one where there is one axis."""
    if values.ndim == 2:
        return values
    return ops.reshape(values, (-1, values.shape[-1] if values.ndim > 1 else 1))
