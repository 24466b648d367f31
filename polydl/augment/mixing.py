"""What Mixup and CutMix have in common: they mix the targets of two samples."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from polydl.augment.augmentation import Augmentation
from polydl.augment.targets import soft_targets
from polydl.errors import DataError


@dataclasses.dataclass(eq=False)
class Mixing(Augmentation):
    """An Augmentation that mixes targets. classes: integer labels become one-hot of so many."""

    mixes: ClassVar[bool] = True
    alpha: float = 1.0
    classes: int | None = None

    def __post_init__(self) -> None:
        self.require(0 < self.alpha < float("inf"), "alpha must be a number above 0", self.alpha)
        good = self.classes is None or self.classes > 1
        self.require(good, "classes must be an integer above 1", self.classes)

    def __call__(self, rng: np.random.Generator, images: Any, targets: Any = None) -> Any:
        images = np.asarray(images)
        return super().__call__(rng, images, soft_targets(targets, [self], images.dtype))

    def settings(self) -> dict[str, Any]:
        """Not the classes: the change takes soft targets."""
        return {"alpha": self.alpha}

    def check(self, images: np.ndarray, targets: np.ndarray | None) -> None:
        super().check(images, targets)
        if targets is not None and targets.dtype.kind != "f":
            name = type(self).__name__
            raise DataError(
                f"{name} cannot mix targets of {targets.dtype}. Say how many classes there are, "
                f"{name}(classes=...), and take a loss of one-hot targets such as "
                'dl.CrossEntropy("probabilities")'
            )
