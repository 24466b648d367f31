"""What users give to `fit` and `evaluate`, as the arguments of the emitted functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polydl.data import check_batch_sizes, in_layout
from polydl.errors import DataError
from polydl.program.types import Program
from polydl.sources.check import BatchCheck, part_sizes, unpacked
from polydl.sources.feed import Feed
from polydl.sources.making import arrays_of, source_of
from polydl.sources.source import Source
from polydl.training.arrays import SampleCheck, located, weighted
from polydl.training.augment_text import input_position
from polydl.training.settings import Training

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Opened:
    """training: with `data` and `weights` by what there is. data: the arguments of the emitted `fit`
    or `evaluate` after the trainer: a list of inputs and what else samples bring, or a function of the
    epoch. validation likewise, as one argument. per_epoch: how many batches, where that is known."""

    training: Training
    data: tuple[Any, ...]
    validation: Any
    per_epoch: int | None

    @property
    def arrays(self) -> list[np.ndarray] | None:
        """The samples, where they are arrays."""
        return None if self.training.data == "batches" else [*self.data[0], *self.data[1:]]


@dataclass(frozen=True)
class Opener:
    """For one model. floating: the dtype of its floats. channels_first: of its native object."""

    program: Program
    floating: str
    channels_first: Sequence[bool] = ()

    def open(
        self,
        training: Training,
        data: Any,
        validation: Any = None,
        epoch: int = 0,
        epochs: int = 0,
    ) -> Opened:
        """Raises DataError, DTypeError, ShapeError or DefinitionError for what cannot be used.

        epoch: the first that will run; epochs: how many will, 0 for evaluation. The first batch of a
        source is looked at here.
        """
        data, validation = arrays_of(data), arrays_of(validation)
        source = source_of(data, training, self.floating, "data")
        validated = None
        if validation is not None:
            validated = source_of(validation, replace(training, shuffle=False), self.floating,
                                  "validation")  # fmt: skip
        if source is not None and source.once and epochs > 1:
            raise DataError(
                f"data: its batches come once only, as from a generator, and {epochs} epochs are to be "
                "made of them. Give a list, or a function of the epoch that makes them anew"
            )
        if source is None and validated is None:
            return self._arrays(training, data, validation, epochs > 0)
        return self._batches(training, (data, source), (validation, validated), epoch, epochs > 0)

    def _arrays(self, training: Training, data: Any, validation: Any, trains: bool) -> Opened:
        training = replace(weighted(training, data), data="arrays")
        check = SampleCheck(self.program, training, self.floating)
        arrays = self._checked(check, data, "data", trains)
        given = None if validation is None else self._in_layout(check(validation, "validation"))
        count = -(-len(arrays[0][0]) // training.batch_size)
        return Opened(training, (arrays[0], *arrays[1:]), given, count)

    def _checked(self, check: SampleCheck, data: Any, where: str, trains: bool) -> tuple[Any, ...]:
        arrays = check(data, where)
        check_augment(self.program, check.training, arrays, where)
        if trains:
            check_sizes(self.program, check.training, arrays[0], where)
        return self._in_layout(arrays)

    def _in_layout(self, arrays: Any) -> tuple[Any, ...]:
        inputs, given = arrays
        return (in_layout(inputs, self.channels_first), *given)

    def _batches(
        self,
        training: Training,
        given: tuple[Any, Source | None],
        validation: tuple[Any, Source | None],
        epoch: int,
        trains: bool,
    ) -> Opened:
        data, source = given
        feed = None if source is None else Feed(source, "data")
        where = "data" if feed is None else feed.place(epoch, 0)
        first = data if feed is None else unpacked(training, self.program, feed.peek(epoch), where)
        training = replace(weighted(training, first), data="batches")
        samples = SampleCheck(self.program, training, self.floating)
        check = BatchCheck(samples, self.channels_first)
        if feed is None:
            inputs, *others = self._checked(samples, data, "data", trains)
            made = array_batches(training, (*inputs, *others))
            length: int | None = -(-len(inputs[0]) // training.batch_size)
        else:
            arrays = samples(first, where)
            check_augment(self.program, training, arrays, where)
            feed.check = replace(check, trains=trains)
            made, length = feed.batches, feed.source.length
        return Opened(training, (made,), self._validation(validation, samples, check), length)

    def _validation(
        self, validation: tuple[Any, Source | None], samples: SampleCheck, check: BatchCheck
    ) -> Any:
        data, source = validation
        if data is None:
            return None
        if source is None:
            inputs, *others = self._in_layout(samples(data, "validation"))
            return array_batches(replace(samples.training, shuffle=False), (*inputs, *others))
        if source.once:
            raise DataError(
                "validation: its batches come once only, as from a generator. Give a list, or a "
                "function of the epoch that makes them anew"
            )
        return Feed(source, "validation", check).batches


def array_batches(training: Training, arrays: Arrays) -> Callable[..., Iterator[Arrays]]:
    """Arrays as a function of the epoch, in the order that training draws."""

    def batches(epoch: int) -> Iterator[Arrays]:
        order, size = training.order(epoch, len(arrays[0])), training.batch_size
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            yield tuple(x[batch] for x in arrays)

    return batches


def check_sizes(program: Program, training: Training, inputs: list[np.ndarray], where: str) -> None:
    """Raise where a batch of these samples, or a part of one, is too small to train on."""
    count, whole = len(inputs[0]), training.batch_size
    batches = {min(count, whole), count % whole or whole}
    with located(where):
        for batch in sorted(batches):
            check_batch_sizes(program, inputs, part_sizes(training, batch))


def check_augment(program: Program, training: Training, arrays: Any, where: str) -> None:
    """Raise for augmentations that do not fit a batch: inputs, and what else there is."""
    inputs, given = arrays
    targets = given[0] if "targets" in training.given else None
    names = [value.name for value in program.root.inputs]
    for one in training.augment:
        try:
            one.check(inputs[input_position(one, names)], targets)
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
