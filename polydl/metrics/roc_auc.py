from __future__ import annotations

import numpy as np

from polydl import ops
from polydl.functions.probabilities import log_softmax
from polydl.metrics.labels import columns, flattened
from polydl.metrics.metric import Metric
from polydl.program.sizes import same_shape
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor

_TYPES = (
    "outputs and float targets of one shape, or outputs (..., classes) and integer targets (...)"
)


def area_under_curve(samples: np.ndarray) -> float:
    """How often a positive's score is above a negative's, ties counting half: mean over classes."""
    areas = []
    for scores, labels in samples.transpose(2, 1, 0):
        scores, labels = scores[labels >= 0], labels[labels >= 0]
        _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
        ranks = np.cumsum(counts) - (counts - 1) / 2
        positives = labels.sum()
        pairs = positives * (len(labels) - positives)
        above = ranks[places] @ labels - positives * (positives + 1) / 2
        areas.append(above / pairs if pairs else np.nan)
    return float(np.mean(areas))


@builtin()
class ROCAUC(Metric):
    """Area under the ROC curve, exact: how often a positive sample scores above a negative one.

    It is Mann and Whitney's U divided by the number of pairs, ties counting half. outputs are any
    scores and targets 0 or 1 of the same shape, where each place on the last axis of two or more is
    a label of its own; or outputs are logits or log-probabilities (..., classes) and targets
    integers (...): each class against the rest, by its probability. The score is the mean over
    labels or classes; NaN where one has no positive or no negative sample.

    The scores of all samples of an epoch are kept. sklearn: roc_auc_score (multi_class="ovr"). Keras'
    AUC, and torchmetrics' with thresholds, are sums over a grid.
    """

    better = "max"

    name: str = "roc_auc"
    ignore_index: int | None = None

    def __post_init__(self) -> None:
        self.combine, self.result = "concatenate", area_under_curve

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        self.require_float(outputs)
        indices = targets.dtype == "int" and same_shape(outputs.shape[:-1], targets.shape)
        alike = targets.dtype == "float" and same_shape(outputs.shape, targets.shape)
        self.require_shapes(alike or indices, outputs, targets, _TYPES)
        self.require(indices or self.ignore_index is None, "ignore_index is for integer targets")
        if not indices:
            positive = (targets > 0.5).astype("float")
            return ops.stack([columns(outputs), columns(positive)], 1)
        scores = columns(log_softmax(outputs))
        labels = flattened(targets)
        positive = ops.one_hot(labels, self.classes(outputs))
        if self.ignore_index is not None:
            positive = ops.where((labels == self.ignore_index)[:, None], -1.0, positive)
        return ops.stack([scores, positive], 1)
