from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from polydl.training.settings import Training


class Source:
    """Batches of samples for `fit`, epoch by epoch.

    A subclass defines `batches(epoch)`, epoch counted from 0: an iterator of (inputs, targets), or
    (inputs, targets, weights), as numpy arrays, or arrays of another library that live on the CPU.
    inputs are nested as dl.Input was given to `compile`. Sizes of batches may differ. A run that goes
    on from the middle of an epoch draws those before again, and drops them: it is the same run where
    an epoch has the same batches each time.
    """

    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of an epoch, in order."""
        raise NotImplementedError

    @property
    def length(self) -> int | None:
        """How many batches an epoch has, where that is known. Fewer are an error."""
        return None

    @property
    def once(self) -> bool:
        """Whether batches come once and never again, as from a generator."""
        return False

    @property
    def by_epoch(self) -> bool:
        """Whether an epoch's number has to do with its batches."""
        return True

    def bound(self, training: Training, floating: str) -> Source:
        """This source for a Training, with its batch size and order, where it has none of its own.

        floating: the dtype of the net's floats.
        """
        return self
