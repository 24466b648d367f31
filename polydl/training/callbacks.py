"""Which callbacks a run has."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from polydl.callbacks.callback import Callback
from polydl.callbacks.progress_bar import ProgressBar
from polydl.errors import DefinitionError
from polydl.spec.registry import kind_of
from polydl.training.preparation import require_training
from polydl.training.settings import Training

if TYPE_CHECKING:
    from polydl.training.run import Run

AfterEpoch = Callable[[int, dict[str, float]], Any]


def all_callbacks(
    training: Training, progress: bool | None, after_epoch: AfterEpoch | None
) -> list[Callback]:
    """Those of a Training, a bar, and a function of the epoch.

    progress: whether a bar is shown: where standard error is a terminal, if it is None.
    """
    require_training(training)
    # polydl's own begin anew in each run: a Training is data
    found = [copy.copy(c) if kind_of(type(c)) else c for c in training.callbacks]
    if not any(isinstance(callback, ProgressBar) for callback in found):
        shown = sys.stderr.isatty() if progress is None else progress
        found += [ProgressBar()] if shown else []
    if after_epoch is not None:
        _require_function(after_epoch)
        found.append(_After(after_epoch))
    return found


def _require_function(after_epoch: Any) -> None:
    """Before training, not after an epoch of it."""
    try:
        inspect.signature(after_epoch).bind(0, {})
    except ValueError:  # some functions written in C do not tell what they take
        return
    except TypeError:
        raise DefinitionError(
            f"after_epoch must be a function of (epoch, scores), got {after_epoch!r}"
        ) from None


def apart(training: Training, name: str) -> Training:
    """It, for one of several runs at a time: what callbacks and checkpoints write is under a name."""
    checkpoint = training.checkpoint and training.checkpoint.apart(name)
    callbacks = tuple(callback.apart(name) for callback in training.callbacks)
    return replace(training, callbacks=callbacks, checkpoint=checkpoint)


class _After(Callback):
    """A function of (epochs of this `fit`, scores)."""

    def __init__(self, function: AfterEpoch):
        self.function = function

    def on_epoch_end(self, run: Run, epoch: int, scores: dict[str, float]) -> None:
        self.function(len(run.history.epochs), scores)
