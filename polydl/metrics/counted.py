"""Precision, recall and F1: hits out of counts, by class."""

from __future__ import annotations

from polydl import ops
from polydl.metrics.labels import LabelMetric
from polydl.metrics.results import mean_ratio, ratio, weighted_ratio
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor

AVERAGES = ("macro", "micro", "weighted", None)


class _Counted(LabelMetric):
    """Hits out of counts of each class, and their average over classes.

    average: "macro" is the mean over all classes of the outputs (sklearn leaves out classes that
    are neither given nor true, unless it is told `labels`), "weighted" the mean by how often each is
    true, "micro" of all classes' hits and counts together, None an array with each class's. What has
    nothing to count is 0, as with sklearn's zero_division=0.

    outputs (..., classes), targets integers (...). With a threshold, each output is a label of its
    own, and classes are those of the last axis: of outputs (batch, 1) there is one. See LabelMetric.
    """

    average: str | None = "macro"
    combine, better = "sum", "max"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_one_of("average", AVERAGES)
        self.result = {"macro": mean_ratio, "weighted": weighted_ratio}.get(
            self.average or "", ratio
        )

    def counts(self, given: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        """Hits and counts, by class, of indicators (labels, classes)."""
        raise NotImplementedError

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        given, true = self.indicators(outputs, targets)
        hits, counts = self.counts(given, true)
        if self.average == "micro":
            return ops.stack([ops.sum(hits), ops.sum(counts)])
        if self.average == "weighted":
            return ops.stack([hits, counts, ops.sum(true, 0)])
        return ops.stack([hits, counts])


@builtin()
class Precision(_Counted):
    """Among labels given to a class, the share that is right: TP / (TP + FP).

    average, threshold, ignore_index: see the class above. sklearn: precision_score.
    Keras' Precision has a threshold of probabilities, 0.5 by default, and pools all classes.
    """

    average: str | None = "macro"
    name: str = "precision"
    threshold: float | None = None
    ignore_index: int | None = None

    def counts(self, given: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        return ops.sum(given * true, 0), ops.sum(given, 0)


@builtin()
class Recall(_Counted):
    """Among labels that are of a class, the share that is found: TP / (TP + FN).

    average, threshold, ignore_index: as for Precision. sklearn: recall_score.
    """

    average: str | None = "macro"
    name: str = "recall"
    threshold: float | None = None
    ignore_index: int | None = None

    def counts(self, given: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        return ops.sum(given * true, 0), ops.sum(true, 0)


@builtin()
class F1Score(_Counted):
    """The harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).

    "macro" is the mean of the classes' F1, not the F1 of mean precision and recall. average,
    threshold, ignore_index: as for Precision. sklearn: f1_score. Keras: F1Score, average=None there.
    """

    average: str | None = "macro"
    name: str = "f1"
    threshold: float | None = None
    ignore_index: int | None = None

    def counts(self, given: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        return 2.0 * ops.sum(given * true, 0), ops.sum(given, 0) + ops.sum(true, 0)
