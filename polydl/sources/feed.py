"""A source's batches as the emitted loop takes them: checked, cast, in flat order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from polydl.errors import DataError, PolydlError
from polydl.sources.leaves import as_numpy
from polydl.sources.source import Source

Check = Callable[[Any, str], tuple[np.ndarray, ...]]  # of a batch, and where it is


class Feed:
    """check(batch, where) gives a batch's arrays, or raises a PolydlError that begins with where.

    Errors say which batch it is; its number and the epoch's count from 1 there, from 0 here.
    """

    def __init__(self, source: Source, where: str, check: Check | None = None) -> None:
        self.source, self.where, self.check = source, where, check
        self.opened: tuple[int, Iterator[Any]] | None = None  # begun by `peek`, by epoch
        self.parts: int | None = None  # 2, or 3 with weights
        self.begun = False

    def peek(self, epoch: int) -> Any:
        """The first batch, as it is given; it is there again in the epoch."""
        batches = self.source.batches(epoch)
        batch = self._next(batches, epoch, 0)
        if batch is _END:
            self._ended(epoch, 0)
        self.opened = (epoch, itertools.chain([batch], batches))
        return as_numpy(batch)

    def batches(self, epoch: int) -> Iterator[tuple[np.ndarray, ...]]:
        """The batches of an epoch."""
        given, number = self._open(epoch), 0
        while (batch := self._next(given, epoch, number)) is not _END:
            where = self.place(epoch, number)
            batch = as_numpy(batch)
            self._count_parts(batch, where)
            self.begun = True
            assert self.check is not None
            yield self.check(batch, where)
            number += 1
        self._ended(epoch, number)

    def place(self, epoch: int, number: int) -> str:
        return f"{self.where}: batch {number + 1} of epoch {epoch + 1} (counted from 1)"

    def _open(self, epoch: int) -> Iterator[Any]:
        opened, self.opened = self.opened, None
        if opened is not None and (opened[0] == epoch or not self.source.by_epoch):
            return opened[1]
        return self.source.batches(epoch)

    def _next(self, batches: Iterator[Any], epoch: int, number: int) -> Any:
        try:
            return next(batches, _END)
        except PolydlError as error:
            raise type(error)(f"{self.place(epoch, number)}: {error}") from None
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise DataError(f"{self.place(epoch, number)} could not be made: {what}") from error

    def _count_parts(self, batch: Any, where: str) -> None:
        """Batches have weights, all of them or none."""
        if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
            return  # the check says more
        if self.parts not in (None, len(batch)):
            shown = {2: "(inputs, targets)", 3: "(inputs, targets, weights)"}
            raise DataError(f"{where}: got {shown[len(batch)]}, after {shown[5 - len(batch)]}")
        self.parts = len(batch)

    def _ended(self, epoch: int, number: int) -> None:
        """After `number` batches."""
        if number == 0:
            again = (
                ". Those of before came once only, as from a generator: give a list, or a function of "
                "the epoch that makes them anew"
            )
            raise DataError(
                f"{self.where}: epoch {epoch + 1} (counted from 1) has no batches"
                f"{again if self.begun else ''}"
            )
        promised = self.source.length
        if promised is not None and number < promised:
            raise DataError(
                f"{self.where}: epoch {epoch + 1} (counted from 1) ended after {number} batches, "
                f"where its length says {promised}"
            )


_END = object()
