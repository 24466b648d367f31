"""Losses of one logit a label: the label's probability is sigmoid(outputs)."""

from __future__ import annotations

from typing import Any

import numpy as np

from polydl.functions.activations import softplus
from polydl.losses.common import check_range
from polydl.losses.loss import Loss
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class BinaryCrossEntropy(Loss):
    """-(p y log s + (1 - y) log(1 - s)) of each element, s = sigmoid(outputs).

    outputs: logits; targets y: 0 and 1, or probabilities, of the same shape. positive_weight p:
    what a label of 1 counts against one of 0, torch's pos_weight.

    torch: F.binary_cross_entropy_with_logits. optax: sigmoid_binary_cross_entropy. Keras:
    ops.binary_crossentropy with from_logits=True. Of probabilities, torch cuts the logarithm off at
    -100 and Keras at -15.9: give logits.
    """

    positive_weight: float = 1.0
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.threshold = 0.0
        good = self.positive_weight > 0
        self.require(good, f"positive_weight must be above 0, got {self.positive_weight!r}")

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.positive_weight == 1:
            return softplus(outputs) - outputs * targets
        factor = 1.0 + (self.positive_weight - 1.0) * targets
        return (1.0 - targets) * outputs + factor * softplus(-outputs)

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        check_range("BinaryCrossEntropy", targets, 0, 1)
