from __future__ import annotations

import sys
from typing import Any

import numpy as np

from polydl import ops
from polydl.functions.activations import softplus
from polydl.functions.probabilities import log_softmax
from polydl.losses.common import check_only
from polydl.losses.labels import LabelLoss
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor

_SMALLEST = 1e-30  # where a power below 1 of 1 - p would have no derivative


@builtin()
class Focal(LabelLoss):
    """-alpha (1 - p)^gamma log p, p being the probability of what is true (Lin et al. 2017).

    targets="binary": outputs are logits and targets 0 or 1, of one shape; p = sigmoid(outputs), or
    1 - sigmoid(outputs) where the target is 0, and alpha is 1 - alpha there. targets="labels":
    outputs are logits (..., classes) and targets integers (...); p = softmax(outputs)[label], and
    alpha is one factor for all, or one for each class. alpha=None: no factor.

    optax: sigmoid_focal_loss. torchvision: sigmoid_focal_loss, which sums by default elsewhere than
    here. Keras: BinaryFocalCrossentropy and CategoricalFocalCrossentropy, which cut probabilities off
    at 1e-7, and apply alpha in the binary form only with apply_class_balancing.
    """

    alpha: float | tuple[float, ...] | None = 0.25
    gamma: float = 2.0
    targets: str = "binary"
    reduction: str = "mean"

    def __post_init__(self) -> None:
        self.require_one_of("targets", ("binary", "labels"))
        self.require(self.gamma >= 0, f"gamma must be 0 or more, got {self.gamma!r}")
        if isinstance(self.alpha, (tuple, list)):
            self.require(self.targets == "labels",
                         "alpha is one number for binary targets: that of the label 1")  # fmt: skip
            self.class_weights = self.alpha = self.weights_of_classes("alpha", self.alpha)
        elif self.alpha is not None:
            most = 1.0 if self.targets == "binary" else sys.float_info.max
            good = type(self.alpha) in (int, float) and 0 <= self.alpha <= most
            limits = "from 0 to 1" if self.targets == "binary" else "0 or more"
            self.require(good, f"alpha must be {limits}, got {self.alpha!r}")
        if self.targets == "binary":
            self.target_dtype, self.threshold = "float", 0.0
        super().__post_init__()

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (self._binary if self.targets == "binary" else self._labels)(outputs, targets)

    def _binary(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """With 1 - p as e^-softplus, exact for p near 1."""
        logits = (2.0 * targets - 1.0) * outputs
        values = softplus(-logits)
        if self.gamma:
            values = ops.exp(-self.gamma * softplus(logits)) * values
        if not isinstance(self.alpha, (int, float)):
            return values
        return (self.alpha * targets + (1.0 - self.alpha) * (1.0 - targets)) * values

    def _labels(self, outputs: Tensor, targets: Tensor) -> Tensor:
        picked = self.picked(log_softmax(outputs), targets)
        values = -picked
        if self.gamma:
            rest = 1.0 - ops.exp(picked)
            if self.gamma < 1:
                rest = ops.maximum(rest, _SMALLEST)
            values = rest**self.gamma * values
        if self.class_weights is not None:
            return self.weight_of(targets) * values
        return self.alpha * values if isinstance(self.alpha, (int, float)) else values

    def target_shape(self, output_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return output_shape if self.targets == "binary" else output_shape[:-1]

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        if self.targets == "labels":
            super().check_targets(targets, output_shape)
        else:
            check_only("Focal", targets, (0.0, 1.0), 'Class labels take targets="labels"')
