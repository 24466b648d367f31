"""Metrics of numbers, by the difference of outputs and targets, which have one shape.

dl.MSE and dl.MAE are losses, which can be differentiated and reduced; these have Keras' names.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from polydl import ops
from polydl.metrics.labels import columns
from polydl.metrics.metric import Metric
from polydl.program.sizes import same_shape
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


class _Difference(Metric):
    better: Literal["min", "max"] = "min"

    def difference(self, outputs: Tensor, targets: Tensor) -> Tensor:
        alike = targets.dtype == "float" and same_shape(outputs.shape, targets.shape)
        self.require_float(outputs)
        self.require_shapes(alike, outputs, targets, "outputs and float targets of one shape")
        return outputs - targets


@builtin()
class MeanSquaredError(_Difference):
    """Mean of (outputs - targets)^2 over all elements. sklearn: mean_squared_error."""

    name: str = "mse"

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        difference = self.difference(outputs, targets)
        return ops.mean(difference * difference)


def root(mean: np.ndarray) -> float:
    """The root of a mean of squares."""
    return float(np.sqrt(mean))


@builtin()
class RootMeanSquaredError(_Difference):
    """Root of the mean of (outputs - targets)^2 over all elements of an epoch.

    It is not the mean of batches' roots. sklearn: root_mean_squared_error.
    """

    name: str = "rmse"

    def __post_init__(self) -> None:
        self.result = root

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        difference = self.difference(outputs, targets)
        return ops.mean(difference * difference)


@builtin()
class MeanAbsoluteError(_Difference):
    """Mean of |outputs - targets| over all elements. sklearn: mean_absolute_error."""

    name: str = "mae"

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return ops.mean(abs(self.difference(outputs, targets)))


def explained_share(batches: np.ndarray) -> float:
    """1 - residual / total sum of squares, mean over columns; batches' targets have own means."""
    count, mean, within, residual = batches.transpose(1, 0, 2)
    between = count * (mean - np.average(mean, axis=0, weights=count)) ** 2
    total = (within + between).sum(0)
    residual = residual.sum(0)
    constant = np.where(residual > 0, 0.0, 1.0)
    shares = np.where(total > 0, 1 - residual / np.where(total > 0, total, 1), constant)
    return float(np.mean(shares))


@builtin()
class R2Score(_Difference):
    """1 - sum of (outputs - targets)^2 / sum of (targets - their mean)^2, over all samples.

    Mean over the last axis of two or more. Where targets are constant, 1 if outputs are equal to
    them, else 0. Batches bring squares around their own mean (Chan et al. 1979), so that targets far
    from 0 lose nothing in float32, where sums of targets^2, as in Keras and torchmetrics, would.
    sklearn: r2_score.
    """

    better = "max"

    name: str = "r2"

    def __post_init__(self) -> None:
        self.combine, self.result = "concatenate", explained_share

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        difference = columns(self.difference(outputs, targets))
        targets = columns(targets)
        count = ops.sum(ops.ones_like(targets), 0)
        mean = ops.mean(targets, 0)
        centered = targets - mean
        within = ops.sum(centered * centered, 0)
        residual = ops.sum(difference * difference, 0)
        return ops.stack([count, mean, within, residual])[None]
