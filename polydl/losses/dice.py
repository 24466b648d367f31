from __future__ import annotations

from typing import Any

import numpy as np

from polydl import ops
from polydl.functions.activations import sigmoid
from polydl.functions.probabilities import softmax
from polydl.losses.common import check_range
from polydl.losses.loss import Loss
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Dice(Loss):
    """1 - (2 sum p y + smooth) / (sum p + sum y + smooth), of each sample and class.

    outputs and targets y: (batch, positions..., classes), the sums over positions; or (batch,
    positions) of one class. p = sigmoid(outputs) of logits, softmax(outputs) over classes, or the
    outputs themselves (activation=None). squared: p^2 and y^2 in the denominator, as in V-Net
    (Milletari et al. 2016). targets: from 0 to 1, one-hot over classes.

    smooth makes nothing found where there is nothing count as right. Keras' Dice has 1e-7 for it and
    sums over the whole batch too by default; torch and optax have none.
    """

    smooth: float = 1.0
    activation: str | None = "sigmoid"
    squared: bool = False
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_one_of("activation", ("sigmoid", "softmax", None))
        self.require(self.smooth >= 0, f"smooth must be 0 or more, got {self.smooth!r}")

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        axes = tuple(range(1, max(outputs.ndim - 1, 2)))
        p = outputs
        if self.activation is not None:
            p = sigmoid(outputs) if self.activation == "sigmoid" else softmax(outputs)
        overlap = ops.sum(p * targets, axes)
        if self.squared:
            total = ops.sum(p * p, axes) + ops.sum(targets * targets, axes)
        else:
            total = ops.sum(p, axes) + ops.sum(targets, axes)
        return 1.0 - (2.0 * overlap + self.smooth) / (total + self.smooth)

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        check_range("Dice", targets, 0, 1)
