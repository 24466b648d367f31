"""What is done when a run ceases to be finite: back to before it, and a search for the cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from polydl.errors import DivergenceError, PolydlError
from polydl.training.guard import Guard, NotFiniteError, not_finite
from polydl.training.history import History
from polydl.training.replay import ReachedError, Replay
from polydl.training.run_state import RunState

if TYPE_CHECKING:
    from polydl.training.fit import Fitting

Again = Callable[[Any, int, int], None]  # the emitted fit with a trainer, from an epoch and a step


def divergence(
    fitting: Fitting, found: NotFiniteError, history: History, again: Again
) -> DivergenceError:
    """The error for a run that is not finite. The net is left as it was before the first bad step.

    The run is made again from the last copy that was kept. Where batches come once only it cannot be,
    and the net is left as it was when the copy was made.
    """
    from polydl.diagnostics.divergence import advice, cause_of

    guard = found.guard
    prepared = guard.prepared
    prepared.trainer.finish()
    seen = found.losses[: found.step - guard.first + 1]
    history.steps = np.concatenate([history.steps, seen])
    what = f"the loss of step {found.step + 1} is {found.loss}"
    if found.loss is None:
        what = f"the update of step {found.step + 1} makes weights that are not finite"
    bad, state, batch = _before(guard, found, prepared.epochs, again)
    guard.restore(state)
    training = prepared.emitted.parts.training
    cause, searched = None, []
    if batch is not None:
        updated = found.loss is None or bad < found.step
        try:
            cause = cause_of(fitting, training, state.weights, batch, bad, updated)
        except Exception as error:  # which must not hide what it was about
            searched = [f"The search for the cause failed: {type(error).__name__}: {error}"]
    text = f"training diverged: {what} (in epoch {state.epoch + 1}, both counted from 1)"
    if bad < found.step:
        text += f", after the update of step {bad + 1} made weights that are not finite"
    losses = history.steps[: len(history.steps) - (found.loss is not None)]
    kept = f"The net holds the weights of before step {state.step + 1}, the last good ones"
    if training.checkpoint is not None:
        kept += f". The checkpoints in {training.checkpoint.folder} are of before it too"
    notes = [text, *searched, *([str(cause)] if cause else []), advice(cause, losses), kept]
    return DivergenceError(". ".join(notes), bad + 1, cause.path if cause else "", history)


def _before(
    guard: Guard, found: NotFiniteError, epoch: int, again: Again
) -> tuple[int, RunState, tuple[np.ndarray, ...] | None]:
    """(the step that goes wrong, where the run stood before it, its batch, where that was found)."""
    end = found.step + (found.loss is None)  # the bad value is there before this step
    replay = Replay(guard, end, found.loss is None)
    guard.restore(guard.kept)
    try:
        again(replay, guard.kept.epoch, guard.kept.step)
    except ReachedError:
        pass
    except PolydlError:  # batches that come once only
        return found.step, guard.kept, None
    finally:
        replay.trainer.finish()
    now, bad = guard.keep(end), found.step
    if not_finite(now.weights):
        now = replay.kept or guard.kept
        bad = now.step
    state = replace(now, epoch=epoch)
    return bad, state, replay.batches.get(bad)
