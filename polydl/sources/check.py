"""What is checked of each batch of a source, and the arrays that come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polydl.data import check_batch_sizes, in_layout
from polydl.errors import DataError
from polydl.program.structure import flatten
from polydl.program.types import Program
from polydl.training.arrays import SampleCheck, located
from polydl.training.settings import Training


@dataclass(frozen=True)
class BatchCheck:
    """Makes of a batch the arrays that the emitted loop takes, in flat order: inputs, then the rest.

    channels_first: inputs that the native object takes so. trains: what batches are for. Arrays are no
    views of those that the source gave, which it may fill anew while they wait.
    """

    samples: SampleCheck
    channels_first: Sequence[bool] = ()
    trains: bool = False

    def __call__(self, batch: Any, where: str) -> tuple[np.ndarray, ...]:
        """Raises DataError, DTypeError or ShapeError, which start with where."""
        training = self.samples.training
        batch = unpacked(training, self.samples.program, batch, where)
        inputs, given = self.samples(batch, where)
        if training.accumulate > 1 and len(inputs[0]) > training.batch_size:
            raise DataError(
                f"{where}: {len(inputs[0])} samples, where batch_size={training.batch_size} says "
                f"what is accumulated in {training.accumulate} parts"
            )
        if self.trains:
            with located(where):
                check_batch_sizes(
                    self.samples.program, inputs, part_sizes(training, len(inputs[0]))
                )
        arrays = [*in_layout(inputs, self.channels_first), *given]
        sources = [leaf for leaf in flatten(list(batch))[0] if isinstance(leaf, np.ndarray)]
        return tuple(
            a.copy() if any(np.may_share_memory(a, b) for b in sources) else a for a in arrays
        )


def part_sizes(training: Training, count: int) -> set[int]:
    """How many samples a model is given at a time, of a batch of so many."""
    if training.accumulate == 1:
        return {count}
    part = -(-training.batch_size // training.accumulate)
    return {min(part, count), count % part or part}


def unpacked(training: Training, program: Program, batch: Any, where: str) -> Any:
    """(inputs, targets), or (inputs, targets, weights), of what a source gave."""
    if not training.given:
        if isinstance(batch, (tuple, list)) and len(batch) == 2 and batch[1] is None:
            return batch
        if isinstance(batch, tuple) and len(batch) == 1 and program.inputs is None:
            (batch,) = batch  # a loader of a dataset of one tensor
        return batch, None
    if isinstance(batch, Mapping):
        names = ", ".join(map(str, batch))
        raise DataError(
            f"{where}: got a dict ({names}). Say which of its arrays are what: "
            'dl.Columns(data, inputs="...", targets="...")'
        )
    return batch
