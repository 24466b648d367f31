from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from polydl import ops
from polydl.errors import DataError
from polydl.functions.probabilities import log_softmax
from polydl.losses.loss import Loss
from polydl.program.types import DType
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class CrossEntropy(Loss):
    """-log softmax(logits)[label], averaged over all labels.

    outputs: logits (..., classes); targets: integer labels (...). torch: F.cross_entropy. Keras:
    sparse_categorical_crossentropy with from_logits=True. optax:
    softmax_cross_entropy_with_integer_labels.
    """

    target_dtype: ClassVar[DType] = "int"

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        log_probabilities = log_softmax(outputs)
        picked = ops.take_along_axis(log_probabilities, targets[..., None], -1)
        return -ops.mean(picked)

    def target_shape(self, output_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return output_shape[:-1]

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        classes = output_shape[-1]
        low, high = int(targets.min()), int(targets.max())
        if low < 0 or high >= classes:
            raise DataError(
                f"CrossEntropy: labels run from {low} to {high}, but the model has {classes} "
                f"outputs, for the labels 0 to {classes - 1}"
            )
