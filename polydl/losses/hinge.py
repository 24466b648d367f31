"""Losses that are 0 where the right answer leads by a margin of 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from polydl import ops
from polydl.functions.activations import relu
from polydl.losses.common import check_only, one_hot
from polydl.losses.labels import LabelLoss
from polydl.losses.loss import Loss
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor

_INSTEAD = "Of labels y that are 0 and 1, give 2 * y - 1"


@builtin()
class Hinge(Loss):
    """max(0, 1 - targets outputs) of each element, whose derivative at the margin is 0.

    targets: -1 and 1, of the outputs' shape; Keras takes 0 and 1 for them too. optax: hinge_loss,
    whose derivative at the margin is half of that inside.
    """

    reduction: str = "mean"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return relu(1.0 - targets * outputs)

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        check_only("Hinge", targets, (-1.0, 1.0), _INSTEAD)


@builtin()
class SquaredHinge(Loss):
    """max(0, 1 - targets outputs)^2 of each element; targets as for Hinge."""

    reduction: str = "mean"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        short = relu(1.0 - targets * outputs)
        return short * short

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        check_only("SquaredHinge", targets, (-1.0, 1.0), _INSTEAD)


@builtin()
class CategoricalHinge(LabelLoss):
    """max(0, 1 + the largest other output - the label's output) (Crammer & Singer 2001).

    outputs: scores (..., classes); targets: integers (...). optax: multiclass_hinge_loss. Keras takes
    one-hot targets, and counts the label's own output as 0 among the others. torch's
    multi_margin_loss adds up all other classes. At the margin the derivative is half of that inside.
    """

    reduction: str = "mean"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        margins = outputs + (1.0 - one_hot(targets, outputs.shape[-1]))
        return ops.max(margins, -1) - self.picked(outputs, targets)
