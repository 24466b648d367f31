"""Which score a callback watches, and when it is better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polydl.errors import DefinitionError, nearest

if TYPE_CHECKING:
    from polydl.callbacks.callback import Callback
    from polydl.training.settings import Training

MODES = ("min", "max")


def score_names(training: Training, validated: bool = True) -> list[str]:
    """The keys of an epoch's scores. validated: those of validation too."""
    names = training.score_names
    return [*names, *(f"val_{name}" for name in names)] if validated else names


def mode_of(where: str, monitor: str, mode: str | None, training: Training) -> str:
    """ "min" or "max": as it is given, or as the score is better.

    Raises DefinitionError for a score that there is not, and where nothing says which is better.
    """
    known = score_names(training)
    if monitor not in known:
        raise DefinitionError(
            f"{where}: there is no score {monitor!r} to monitor. {nearest(monitor, known)}"
        )
    name = monitor.removeprefix("val_") if monitor not in known[: len(known) // 2] else monitor
    if mode is None and name not in training.scores:  # a loss
        return "min"
    if mode is None:
        mode = training.scores[name].better
    if mode is None:
        raise DefinitionError(
            f"{where}: whether {monitor!r} is better where it is smaller or larger is not known. Give "
            "mode='min' or mode='max', or let the metric say it: better = 'max'"
        )
    return mode


def check_validation(callbacks: Sequence[Callback], training: Training, validated: bool) -> None:
    """Raise DefinitionError where a score of validation is watched, and there is none."""
    watched = [(type(c).__name__, getattr(c, "monitor", None)) for c in callbacks]
    if training.checkpoint is not None:
        watched.append(("Checkpoint", training.checkpoint.best))
    for name, monitor in watched:
        if isinstance(monitor, str) and not validated and monitor in score_names(training):
            here = score_names(training, validated=False)
            if monitor not in here:
                raise DefinitionError(
                    f"{name} monitors {monitor!r}, but there is no validation. "
                    f"Give fit(..., validation=...), or monitor {' or '.join(map(repr, here))}"
                )
