from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from polydl.errors import DataError, DefinitionError
from polydl.spec.config import config_of
from polydl.spec.registry import kind_of

Change = Callable[..., Any]


@dataclasses.dataclass(eq=False)
class Augmentation:
    """A random change of a batch, as plain NumPy: `augmentation(rng, images, targets)`.

    images: (batch, height, width, channels), of floats. Gives (images, targets), new arrays where
    something changes; each sample has its own draw from `rng`, a np.random.Generator. In
    `Training.augment`, a list of them, draws are keyed by (seed, epoch, batch), so that a run that
    goes on later draws the same.

    A subclass is a dataclass of its settings. `functions` does the work: the last one is the change,
    `change(rng, images, targets, *, settings...)`, and those before are what it calls. They know
    NumPy alone (as np), for a training program holds their text as it stands. What they give is cast to
    the net's precision, and `fit` checks it as it does batches. mixes: the change makes soft targets, a
    number for each class, of those of several samples.

        def add_noise(rng, images, targets, *, scale):
            return images + rng.normal(0.0, scale, images.shape), targets

        @dataclass(eq=False)
        class Noise(dl.Augmentation):
            functions = (add_noise,)
            scale: float = 0.1

    input: the name of the model's input that is changed, the first by default.
    """

    functions: ClassVar[tuple[Change, ...]] = ()
    mixes: ClassVar[bool] = False
    rank: ClassVar[int | None] = 4

    input: str | None = dataclasses.field(default=None, kw_only=True)

    def __call__(self, rng: np.random.Generator, images: Any, targets: Any = None) -> Any:
        images = np.asarray(images)
        targets = None if targets is None else np.asarray(targets)
        self.check(images, targets)
        return self.functions[-1](rng, images, targets, **self.settings())

    def check(self, images: np.ndarray, targets: np.ndarray | None) -> None:
        """Raise DataError for a batch that cannot be changed so."""
        name = type(self).__name__
        if images.dtype.kind != "f":
            raise DataError(
                f"{name} takes images of floats, got {images.dtype}. Convert with .astype(np.float32)"
            )
        if self.rank is not None and images.ndim != self.rank:
            raise DataError(
                f"{name} takes images (batch, height, width, channels), got the shape {images.shape}"
            )
        if self.mixes and targets is None:
            raise DataError(f"{name} mixes targets, and there are none")
        if targets is not None and len(targets) != len(images):
            raise DataError(f"{name}: {len(images)} images, but {len(targets)} targets")

    def settings(self) -> dict[str, Any]:
        """What the change takes besides the batch, by name."""
        given = {name: value for name, value in self.config().items() if name != "input"}
        return {n: tuple(v) if isinstance(v, list) else v for n, v in given.items()}

    @property
    def kind(self) -> str:
        return kind_of(type(self)) or type(self).__name__

    def config(self) -> dict[str, Any]:
        """Its settings, by name."""
        return config_of(self)

    def require(self, holds: bool, text: str, given: Any) -> None:
        """Raise DefinitionError unless it holds."""
        if not holds:
            raise DefinitionError(f"{type(self).__name__}: {text}, got {given!r}")

    def require_rate(self, rate: float) -> None:
        """Raise DefinitionError for what is no probability."""
        self.require(0 <= rate <= 1, "rate must be from 0 to 1", rate)
