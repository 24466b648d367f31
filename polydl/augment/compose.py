from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from polydl.augment.augmentation import Augmentation
from polydl.augment.randomness import generator
from polydl.errors import DefinitionError


@dataclass(frozen=True)
class Compose:
    """Augmentations one after the other, for a source of one's own: `compose(epoch, batch, x, y)`.

    Draws are keyed by (seed, epoch, batch) and equal those of a `Training` that has this seed and
    these augmentations, whose sources number their batches so.
    """

    augmentations: Sequence[Augmentation]
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "augmentations", checked("Compose", self.augmentations))
        if type(self.seed) is not int or not 0 <= self.seed < 2**63:
            raise DefinitionError(
                f"Compose: seed must be an integer of 0 or more, got {self.seed!r}"
            )

    def __call__(self, epoch: int, batch: int, images: Any, targets: Any = None) -> Any:
        rng = generator(self.seed, epoch, batch)
        for augmentation in self.augmentations:
            images, targets = augmentation(rng, images, targets)
        return images, targets


def checked(where: str, given: Any) -> tuple[Augmentation, ...]:
    """Augmentations in a tuple. Raises DefinitionError for anything else."""
    if not isinstance(given, (list, tuple)):
        what = type(given).__name__
        raise DefinitionError(f"{where}: augmentations must be in a list, got {what}")
    for one in given:
        if not isinstance(one, Augmentation):
            what = f"the class {one.__name__}: call it" if isinstance(one, type) else repr(one)
            raise DefinitionError(
                f"{where}: expected dl.Augmentation such as dl.RandomFlip(), got {what}"
            )
    return tuple(given)
