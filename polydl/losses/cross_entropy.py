from __future__ import annotations

from typing import Any

import numpy as np

from polydl import ops
from polydl.functions.probabilities import log_softmax
from polydl.losses.common import check_distributions
from polydl.losses.labels import LabelLoss
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class CrossEntropy(LabelLoss):
    """-sum over classes of p log softmax(outputs), p being 1 for the label's class.

    outputs: logits (..., classes). targets="labels": integers (...); "probabilities": one-hot or
    soft labels (..., classes). label_smoothing ε: p becomes (1 - ε) p + ε / classes.

    class_weights: w of each class, which multiplies its term p log softmax, as in torch; Keras'
    class_weight multiplies a sample's whole loss, which is the same without smoothing.
    reduction="weighted_mean" divides by the sum of the labels' weights, as torch does for integers;
    "mean" by the number of labels, as Keras does, and torch for probabilities. ignore_index: labels
    that count for nothing (torch: -100 by default, Keras: ignore_class).

    torch: F.cross_entropy. Keras: (sparse_)categorical_crossentropy with from_logits=True; its sparse
    form has no smoothing. optax: softmax_cross_entropy(_with_integer_labels).
    """

    targets: str = "labels"
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None
    ignore_index: int | None = None
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_one_of("targets", ("labels", "probabilities"))
        self.require(0 <= self.label_smoothing < 1,
                     f"label_smoothing must be in [0, 1), got {self.label_smoothing!r}")  # fmt: skip
        if self.targets == "probabilities":
            self.target_dtype = "float"
            self.require(self.ignore_index is None,
                         "ignore_index is for labels; give such samples the weight 0")  # fmt: skip

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        scores = self.weighted(log_softmax(outputs))
        if self.targets == "probabilities":
            values = -ops.sum(targets * scores, -1)
        else:
            values = -self.picked(scores, targets)
        if self.label_smoothing:
            smooth = -ops.mean(scores, -1)
            values = (1.0 - self.label_smoothing) * values + self.label_smoothing * smooth
        return values if self.targets == "probabilities" else self.kept(values, targets)

    def counts(self, targets: Any) -> Tensor | None:
        if self.targets == "labels":
            return super().counts(targets)
        if self.class_weights is None or self.reduction != "weighted_mean":
            return None
        return ops.sum(self.weighted(targets), -1)

    def target_shape(self, output_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return output_shape if self.targets == "probabilities" else output_shape[:-1]

    def instead(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> str:
        classes = output_shape[-1] if output_shape else None
        for_each = targets.ndim == len(output_shape) and targets.shape[-1:] == (classes,)
        if self.targets == "labels" and for_each and targets.dtype.kind in "fiu":
            cast = "" if targets.dtype.kind == "f" else ", as floats"
            return (
                f"a number for each class, of the shape {targets.shape}, one-hot or soft{cast}, takes "
                'dl.CrossEntropy("probabilities"); integer labels are without the last axis'
            )
        labels = targets.ndim == len(output_shape) - 1 and targets.dtype.kind in "iu"
        if self.targets == "probabilities" and labels:
            return "integer labels take dl.CrossEntropy(); here there is a number for each class"
        return ""

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        if self.targets == "labels":
            super().check_targets(targets, output_shape)
        else:
            check_distributions("CrossEntropy", targets)
