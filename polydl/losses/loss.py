from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from polydl.program.types import DType
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


class Loss(Module):
    """A Module of (outputs, targets) that gives one number: the mean over samples.

    target_dtype says what targets are; `check_targets` looks at the arrays before training.
    """

    target_dtype: ClassVar[DType] = "float"

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        raise NotImplementedError

    def target_shape(self, output_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the targets for outputs of this shape."""
        return output_shape

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        """Raise DataError for targets that can have no loss."""
