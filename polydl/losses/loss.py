from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from polydl import ops
from polydl.errors import DTypeError, ShapeError
from polydl.program.sizes import Shape, same, symbols
from polydl.program.types import DType
from polydl.spec.checked import Checked
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor

REDUCTIONS = ("mean", "weighted_mean", "sum", "none")


class Loss(Checked, Module):
    """A Module of (outputs, targets), and of weights where samples carry them.

    A loss defines `values`: the loss l of each sample, or of each element. `reduction` says what
    becomes of them, w being their weights, which are 1 unless they are given:

        "mean"           sum of w l / their number: Keras' "sum_over_batch_size"
        "weighted_mean"  sum of w l / sum of w: Keras' "mean_with_sample_weight", and torch's
                         "mean" with class weights
        "sum", "none"    sum of w l, and each w l

    A mean of nothing (all labels ignored, all weights 0) is 0, where torch has NaN. weights are
    (batch,), or of the values' shape. Over an epoch, batches count by their number of samples.

    target_dtype says what targets are, None that there are none. `target_shape` says of what shape:
    floats are of the outputs' shape, and integers, which are labels of classes, of that without its
    last axis, unless a subclass says otherwise. `check_targets` looks at the arrays before training.
    threshold: where each output is a label, the one above which it is 1.

        class Charbonnier(dl.Loss):
            def __init__(self, eps=1e-3, reduction="mean"):
                super().__init__(reduction)
                self.eps = eps

            def values(self, outputs, targets):
                return dl.ops.sqrt(dl.ops.square(outputs - targets) + self.eps**2)

        class Perceptron(dl.Loss):
            target_dtype = "int"    # outputs (batch, classes), targets (batch,)

            def values(self, outputs, targets):
                given = dl.ops.take_along_axis(outputs, targets[:, None], -1)[:, 0]
                return dl.ops.max(outputs, -1) - given

    A loss may define `__call__(outputs, targets)` instead, which gives the one number, without
    reduction and weights.
    """

    target_dtype: DType | None = "float"
    threshold: float | None = None
    reduction: str = "mean"

    def __init__(self, reduction: str | None = None) -> None:
        """Of a loss of one's own. reduction: as the class has it by default."""
        if reduction is not None:
            self.reduction = reduction
        self.__post_init__()

    def __post_init__(self) -> None:
        self.require_one_of("reduction", REDUCTIONS)

    def values(self, outputs: Tensor, targets: Any) -> Tensor:
        """The loss of each sample (batch,), or of each element (batch, ...)."""
        raise NotImplementedError

    def counts(self, targets: Any) -> Tensor | None:
        """What each value counts in a mean; None where all count 1."""
        return None

    def __call__(
        self, outputs: Tensor, targets: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        self._check_types(outputs, targets)
        values = self.values(outputs, targets)
        if weights is not None:
            weights = _aligned(weights, values)
            values = weights * values
        if self.reduction == "none":
            return values
        if self.reduction == "sum":
            return ops.sum(values)
        counts = self.counts(targets)
        if weights is not None and self.reduction == "weighted_mean":
            if counts is None and (shared := _shared_axes(weights, values)):
                values = ops.mean(values, shared, keepdims=True)
            counts = weights if counts is None else weights * counts
        if counts is None:
            return ops.mean(values)
        return ops.sum(values) / _nonzero_sum(counts)

    def divisor(self, targets: Tensor | None, weights: Tensor | None = None) -> Tensor | None:
        """What the mean divides a batch's sum by; None where that goes by the number of values.

        The parts of a batch count by it. A loss with a __call__ of its own counts by samples.
        """
        counts = self.counts(targets)
        if weights is not None and self.reduction == "weighted_mean":
            counts = weights if counts is None else _aligned(weights, counts) * counts
        return None if counts is None else _nonzero_sum(counts)

    def target_shape(self, output_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the targets for outputs of this shape. A size of its own name may be any."""
        return output_shape[:-1] or output_shape if self.target_dtype == "int" else output_shape

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        """Raise DataError for targets that can have no loss."""

    def instead(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> str:
        """What to say of targets that are another loss's, or this one's with other settings; or ""."""
        return ""

    @classmethod
    def takes_weights(cls) -> bool:
        """Whether it can be called with weights: one with a __call__ of its own may not."""
        return len(inspect.signature(cls.definition).parameters) > 3

    def _check_types(self, outputs: Tensor, targets: Tensor | None) -> None:
        if self.target_dtype is None or targets is None:
            self.require(self.target_dtype is None, "targets are missing")
            self.require(targets is None, "it takes no targets")
            return
        if targets.dtype != self.target_dtype:
            raise DTypeError(f"targets are {targets!r}; they must be {self.target_dtype}")
        expected = self.target_shape(outputs.shape)
        if not fits(targets.shape, expected, outputs.shape):
            raise ShapeError(
                f"targets have the shape {targets.shape}; for outputs of shape {outputs.shape} "
                f"they have {tuple(expected)}"
            )


def _nonzero_sum(counts: Tensor) -> Tensor:
    """It, or 1 for 0."""
    total = ops.sum(counts)
    return ops.where(total == 0.0, 1.0, total)


def fits(shape: Shape, expected: Shape, known: Shape) -> bool:
    """Whether a shape is the expected one. Sizes that `known` does not hold may be any."""
    return len(shape) == len(expected) and all(
        not symbols([e]) <= symbols(known) or same(s, e)
        for s, e in zip(shape, expected, strict=True)
    )


def _aligned(weights: Tensor, values: Tensor) -> Tensor:
    """Weights (batch,) or of the values' shape, with axes of 1 for those they lack."""
    if weights.ndim > values.ndim or not all(map(same, weights.shape, values.shape)):
        raise ShapeError(
            f"weights have the shape {weights.shape}; the loss has values of shape "
            f"{values.shape}, of which weights take the first axis, or all"
        )
    missing = values.ndim - weights.ndim
    return weights[(..., *[None] * missing)] if missing else weights


def _shared_axes(weights: Tensor, values: Tensor) -> tuple[int, ...]:
    """Axes along which a weight is that of several values."""
    return tuple(i for i in range(values.ndim) if not same(weights.shape[i], values.shape[i]))
