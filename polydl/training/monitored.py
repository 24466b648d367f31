"""Scores that something watches must be numbers."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np

from polydl.callbacks.monitor import score_names
from polydl.callbacks.watching import Watching
from polydl.errors import DefinitionError
from polydl.training.scores import Scored
from polydl.training.settings import Training


def check_monitored(training: Training, scored: Iterable[Scored]) -> None:
    """Raise DefinitionError where a score is watched that is an array: none is better than another."""
    watched = [(type(c).__name__, c.monitor) for c in training.callbacks if isinstance(c, Watching)]
    if training.checkpoint is not None and training.checkpoint.best is not None:
        watched.append(("Checkpoint", training.checkpoint.best))
    trained = score_names(training, validated=False)
    parts = {part.name: part for part in scored}
    for where, monitor in watched:
        part = parts.get(monitor if monitor in trained else monitor.removeprefix("val_"))
        shape = () if part is None else _shape(part)
        if part is None or not shape:
            continue
        name = type(part.metric).__name__
        such = f', such as dl.{name}(average="macro")' if hasattr(part.metric, "average") else ""
        raise DefinitionError(
            f"{where} monitors {monitor!r}, which is an array of shape {shape}. Monitor a score that "
            f"is one number{such}"
        )


def _shape(part: Scored) -> tuple[int, ...]:
    """Of the score; () where it cannot be told without data."""
    size = (2,) if part.gathered else ()
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.shape(part.metric.score([np.ones((*size, *part.shape))], [1]))
    except Exception:  # whatever a user's own text has to say to ones
        return ()
