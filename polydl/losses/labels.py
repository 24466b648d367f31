from __future__ import annotations

import math
from typing import Any

import numpy as np

from polydl import ops
from polydl.errors import DataError, ShapeError
from polydl.losses.loss import Loss
from polydl.program.types import DType
from polydl.spec.tensor import Tensor


class LabelLoss(Loss):
    """A Loss of class labels: outputs (..., classes), targets integers (...).

    Some labels may be ignored: they count 0, and in a mean not at all. Classes may have weights.
    """

    target_dtype: DType | None = "int"
    class_weights: tuple[float, ...] | None = None
    ignore_index: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_weights is not None:
            self.class_weights = self.weights_of_classes("class_weights", self.class_weights)
        good = self.ignore_index is None or type(self.ignore_index) is int
        self.require(good, f"ignore_index must be an integer, got {self.ignore_index!r}")

    def weights_of_classes(self, name: str, given: Any) -> tuple[float, ...]:
        """One finite number of 0 or more for each class."""
        try:
            weights = tuple(map(float, () if isinstance(given, str) else given))
        except (TypeError, ValueError):
            weights = ()
        good = bool(weights) and all(0 <= weight < math.inf for weight in weights)
        self.require(good, f"{name} must be numbers of 0 or more, one a class, got {given!r}")
        return weights

    def weighted(self, scores: Tensor) -> Tensor:
        """Scores of classes (..., classes), each times its class's weight."""
        if self.class_weights is None:
            return scores
        if len(self.class_weights) != scores.shape[-1]:
            raise ShapeError(
                f"there are {len(self.class_weights)} class_weights for {scores.shape[-1]} classes"
            )
        return scores * ops.constant(self.class_weights)

    def picked(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The score of each label's class; that of class 0 where the label is ignored."""
        return ops.take_along_axis(scores, self._indices(labels)[..., None], -1)[..., 0]

    def weight_of(self, labels: Tensor) -> Tensor:
        """The weight of each label's class."""
        assert self.class_weights is not None
        return ops.take(ops.constant(self.class_weights), self._indices(labels))

    def kept(self, values: Tensor, labels: Tensor) -> Tensor:
        """Values of labels, 0 where the label is ignored."""
        if self.ignore_index is None:
            return values
        return ops.where(labels == self.ignore_index, 0.0, values)

    def counts(self, targets: Any) -> Tensor | None:
        """1 for each label that is not ignored, or its class's weight."""
        if self.class_weights is not None and self.reduction == "weighted_mean":
            return self.kept(self.weight_of(targets), targets)
        return None if self.ignore_index is None else (targets != self.ignore_index).astype("float")

    def _indices(self, labels: Tensor) -> Tensor:
        if self.ignore_index is None:
            return labels
        return ops.where(labels == self.ignore_index, 0, labels)

    def target_shape(self, output_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return output_shape[:-1]

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        name, classes = type(self).__name__, output_shape[-1]
        kept = targets if self.ignore_index is None else targets[targets != self.ignore_index]
        if not kept.size:
            raise DataError(f"{name}: every label is {self.ignore_index}, which is ignored")
        low, high = int(kept.min()), int(kept.max())
        if low < 0 or high >= classes:
            raise DataError(
                f"{name}: labels run from {low} to {high}, but the model has {classes} outputs, "
                f"for the labels 0 to {classes - 1}"
            )
