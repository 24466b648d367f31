from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from polydl.errors import DataError
from polydl.sources.source import Source


class Batches(Source):
    """Batches of any iterable: a list, a loader of torch, a tf.data.Dataset, Grain's datasets."""

    def __init__(self, data: Any, where: str) -> None:
        self.data = data
        if self._endless():
            raise DataError(
                f"{where}: {type(data).__name__} has no end. Take so many batches as an epoch has, "
                "with .take(n) or itertools.islice"
            )

    def batches(self, epoch: int) -> Iterator[Any]:
        as_numpy = getattr(self.data, "as_numpy_iterator", None)
        return iter(self.data) if as_numpy is None else as_numpy()

    @property
    def length(self) -> int | None:
        try:
            return len(self.data)
        except TypeError:  # whoever has no length, or does not know it
            return None

    @property
    def once(self) -> bool:
        return hasattr(self.data, "__next__") and iter(self.data) is self.data

    @property
    def by_epoch(self) -> bool:
        return False

    def _endless(self) -> bool:
        cardinality = getattr(self.data, "cardinality", None)
        if callable(cardinality):  # -1 is tf.data's word for it
            return int(cardinality()) == -1
        return self.length == sys.maxsize


class EpochFunction(Source):
    """Batches of a function of the epoch."""

    def __init__(self, function: Callable[..., Any], where: str) -> None:
        self.function, self.where = function, where
        try:
            inspect.signature(function).bind(0)
            self.arguments = 1
        except TypeError:
            self.arguments = 0
        except ValueError:  # a function of C has no signature to look at
            self.arguments = 1

    def batches(self, epoch: int) -> Iterator[Any]:
        made = self.function(*[epoch][: self.arguments])
        if not hasattr(made, "__iter__"):
            raise DataError(
                f"{self.where}: the function of the epoch gave {type(made).__name__}. It must give an "
                "iterable of batches (inputs, targets)"
            )
        return Batches(made, self.where).batches(epoch)
