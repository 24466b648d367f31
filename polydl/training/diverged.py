"""What is done when a run ceases to be finite: back to before it, and a search for the cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from polydl.errors import DivergenceError, PolydlError
from polydl.program.types import Program
from polydl.training.guard import Guard, NotFiniteError, not_finite
from polydl.training.history import History
from polydl.training.replay import ReachedError, Replay
from polydl.training.run_state import RunState

if TYPE_CHECKING:
    from polydl.training.fit import Fitting

SHOWN = 4  # entries that are named
Again = Callable[[Any, int, int], None]  # the emitted fit with a trainer, from an epoch and a step


@dataclass
class Before:
    """What is known of the first bad step: where the run stood before it, its batch where that was
    found, and the entries that are not finite after its update, where that is what is bad."""

    step: int
    state: RunState
    batch: tuple[np.ndarray, ...] | None = None
    broken: tuple[str, ...] = ()


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
    seen_broken = tuple(not_finite(prepared.model.get_weights())) if found.loss is None else ()
    before = _before(guard, found, prepared.epochs, again)
    before.broken = before.broken or seen_broken
    state = before.state
    guard.restore(state)
    training = prepared.emitted.parts.training
    cause, searched = None, []
    if before.batch is not None:
        try:
            cause = cause_of(
                fitting, training, state.weights, before.batch, before.step, before.broken
            )
        except Exception as error:  # which must not hide what it was about
            searched = [f"The search for the cause failed: {type(error).__name__}: {error}"]
    where = f"(in epoch {state.epoch + 1}, both counted from 1)"
    broken = _named(before.broken, fitting.program)
    if found.loss is None:
        text = f"training diverged: the update of step {before.step + 1} makes {broken} {where}"
    else:
        text = f"training diverged: the loss of step {found.step + 1} is {found.loss} {where}"
        if before.broken:
            text += f", after the update of step {before.step + 1} made {broken}"
    losses = history.steps[: len(history.steps) - (found.loss is not None)]
    kept = f"The net holds the weights of before step {state.step + 1}, the last good ones"
    if training.checkpoint is not None:
        kept += f". The checkpoints in {training.checkpoint.folder} are of before it too"
    blamed = [f"Cause: {cause}"] if cause else []
    advised = advice(cause, losses, fitting.options.dtype, first=before.step == 0)
    notes = [text, *searched, *blamed, advised, kept]
    path = cause.path if cause else ""
    return DivergenceError(". ".join(notes), before.step + 1, path, history)


def _named(broken: Sequence[str], program: Program) -> str:
    """Entries that are not finite, in words."""
    parameters = [path for path in broken if program.entries[path].role == "parameter"]
    shown = ", ".join((parameters or list(broken))[:SHOWN])
    more = f" and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    kind = "weights that are" if parameters else "state that is"
    return f"{kind} not finite: {shown}{more}"


def _before(guard: Guard, found: NotFiniteError, epoch: int, again: Again) -> Before:
    """The first bad step. In two passes where weights had been bad for more than one step."""
    end = found.step + (found.loss is None)  # the bad value is there before this step
    replay = Replay(guard, end, found.loss is None)
    try:
        now = _replayed(guard, replay, again)
        if not_finite(now.weights) and not_finite((replay.kept or guard.kept).weights):
            replay = Replay(guard, end, found.loss is None, looks=True)
            now = _replayed(guard, replay, again)
    except PolydlError:  # batches that come once only
        return Before(found.step, guard.kept)
    broken, bad = tuple(not_finite(now.weights)), found.step
    if broken:
        now = replay.kept or guard.kept
        bad = now.step
    return Before(bad, replace(now, epoch=epoch), replay.batches.get(bad), broken)


def _replayed(guard: Guard, replay: Replay, again: Again) -> RunState:
    """Where the run stands after a replay from the last copy."""
    guard.restore(guard.kept)
    try:
        again(replay, guard.kept.epoch, guard.kept.step)
    except ReachedError:
        pass
    finally:
        replay.trainer.finish()
    return replay.found or guard.keep(replay.last)
