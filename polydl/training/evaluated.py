"""Scores that are not finite where nobody trains on them: a warning that says which and why."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polydl.errors import NotFiniteWarning
from polydl.training.history import Scores, numbers
from polydl.training.preparation import Prepared

if TYPE_CHECKING:
    from polydl.training.fit import Fitting


def warn_where_not_finite(
    fitting: Fitting,
    prepared: Prepared,
    scores: Scores,
    where: str,
    data: Any,
    epoch: int = 0,
    calls: int = 3,
) -> bool:
    """Whether a score that is a number is not finite: then a NotFiniteWarning says so.

    data: what was evaluated in `epoch` (from 0), as in Opened; None where that is not known. The first
    batch whose loss is not finite is computed once more on the oracle, which says where. calls: how
    many there are between the user's line and this function.
    """
    bad = [f"{name} is {v}" for name, v in numbers(scores).items() if not np.isfinite(v)]
    if not bad:
        return False
    from polydl.diagnostics.evaluation import cause_of_loss

    notes = [f"{where}: {', '.join(bad)}"]
    if data is not None:
        try:
            notes += cause_of_loss(fitting, prepared, _batches(prepared, data, epoch))
        except Exception as error:  # which must not hide the scores
            notes.append(f"The search for the cause failed: {type(error).__name__}: {error}")
    warnings.warn(". ".join(notes), NotFiniteWarning, stacklevel=calls + 1)
    return True


@dataclass
class ScoreWatch:
    """Warns of a run's first scores that are not finite; the guard sees to the loss that trains."""

    fitting: Fitting
    prepared: Prepared
    validation: Any
    warned: bool = False

    def look(self, epoch: int, scores: Scores) -> None:
        """epoch: counted from 1."""
        if not self.warned:
            self.warned = warn_where_not_finite(
                self.fitting, self.prepared, scores, f"epoch {epoch}", self.validation, epoch - 1,
                calls=8,
            )  # fmt: skip


def _batches(prepared: Prepared, data: Any, epoch: int) -> Iterator[Sequence[np.ndarray]]:
    """What the emitted `evaluate` takes, one after the other."""
    if callable(data):
        yield from data(epoch)
        return
    inputs, *given = data
    arrays, size = [*inputs, *given], prepared.emitted.parts.training.batch_size
    for start in range(0, len(arrays[0]), size):
        yield [x[start : start + size] for x in arrays]
