"""What augmentations make of a batch, checked as batches of a user's are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from polydl.errors import DataError, PolydlError
from polydl.program.structure import unflatten
from polydl.training.arrays import SampleCheck
from polydl.training.augment_text import is_own
from polydl.training.head_data import nested

Arrays = tuple[np.ndarray, ...]


@dataclass
class Augmented:
    """The emitted `augment` of a run, with its errors placed, and its arrays checked.

    check: of samples. channels_first: which inputs have channels on axis 1. Raises DataError,
    DTypeError or ShapeError that say in which batch; what the built-in augmentations make of batches
    that were checked needs no check.
    """

    augment: Callable[..., Arrays]
    check: SampleCheck
    channels_first: Sequence[bool] = ()

    def __call__(self, epoch: int, number: int, *arrays: np.ndarray) -> Arrays:
        where = f"augmentation of batch {number + 1} of epoch {epoch + 1} (counted from 1)"
        try:
            made = self.augment(epoch, number, *arrays)
        except Exception as error:
            name, what = self._raised_by(error), f"{type(error).__name__}: {error}"
            raise DataError(f"{where}: {name} failed: {what}") from error
        own = [type(one).__name__ for one in self.check.training.augment if is_own(one)]
        if own:
            self._check(made, f"{where}, by {', '.join(own)}")
        return made

    def _raised_by(self, error: Exception) -> str:
        """The augmentation in whose function it was."""
        frames, trace = [], error.__traceback__
        while trace is not None:
            frames.append(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
        for one in self.check.training.augment:
            if {function.__name__ for function in one.functions} & set(frames):
                return type(one).__name__
        return "what an augmentation gives, which must be (images, targets),"

    def _check(self, made: Arrays, where: str) -> None:
        program, training = self.check.program, self.check.training
        values = program.root.inputs
        count = len(made) - len(training.given)
        for array, value in zip(made, values, strict=False):
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                bad = tuple(np.argwhere(~np.isfinite(array))[0])
                held = f"input {value.name!r} holds {array[bad]}"
                raise DataError(f"{where}: {held}, and before it nothing but finite numbers")
        pairs = zip(made[:count], [*self.channels_first, *[False] * count], strict=False)
        inputs = [np.moveaxis(x, 1, -1) if first else x for x, first in pairs]
        try:
            self.check(
                (unflatten(program.inputs, inputs), *nested(training.heads, made[count:])), where
            )
        except PolydlError as error:
            text = str(error)
            raise type(error)(text if text.startswith(where) else f"{where}: {text}") from None
