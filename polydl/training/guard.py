"""Watching a run for what is not finite, and going back to before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from polydl.errors import BackendError, WeightsError
from polydl.training.run_state import RunState
from polydl.training.snapshots import put_random, put_state, take_state

if TYPE_CHECKING:
    from polydl.training.preparation import Prepared

LOOK = 100  # steps between two looks at the losses, within an epoch
KEEP = 500  # steps, at least, between two copies of a run; one an epoch where there are callbacks


class NotFiniteError(Exception):
    """The loss of `step` is not finite, or, where `loss` is None, what its update made of weights.

    losses: of the epoch's steps, as far as they were seen.
    """

    def __init__(self, guard: Guard, step: int, loss: float | None, losses: np.ndarray):
        super().__init__(step)
        self.guard, self.step, self.loss, self.losses = guard, step, loss, losses


class Guard:
    """Looks at the losses of a run every LOOK steps and at each epoch's end, at the weights at the
    latter, and raises NotFiniteError. It keeps a copy of an epoch's beginning, to go back to.

    first: the first step of the epoch that runs. made: the losses of those of its steps that an earlier
    process made.
    """

    def __init__(self, prepared: Prepared, made: np.ndarray):
        self.prepared = prepared
        self.seen = 0  # results of this epoch
        self.made = made
        self.looked = prepared.steps
        self.first = prepared.steps - len(made)
        self.kept = self.keep(prepared.steps)
        _check_before(self.kept.weights)

    def keep(self, step: int) -> RunState:
        """A copy of where the run stands, before `step`. The trainer must not hold the weights."""
        return take_state(self.prepared, step, self.prepared.epochs, [])

    def restore(self, kept: RunState) -> None:
        """Put the model, the optimizer and the counts there. The trainer must not hold the weights."""
        put_state(self.prepared, kept)
        put_random(self.prepared, kept)

    def before_step(self, step: int, results: list[Any]) -> None:
        """results: of this epoch's steps, before `step`."""
        if step - self.looked >= LOOK:
            losses = self.prepared.trainer.fetch(results[self.seen :])[:, 0]
            self._check(losses, self.looked, lambda: self._every(results))
            self.seen, self.looked = len(results), step

    def _every(self, results: list[Any]) -> np.ndarray:
        return np.concatenate([self.made, self.prepared.trainer.fetch(results)[:, 0]])

    def epoch_ends(self, losses: np.ndarray) -> None:
        """Before the run's counts go on."""
        self._check(losses, self.first, lambda: losses)
        if not_finite(self.prepared.model.get_weights()):
            raise NotFiniteError(self, self.first + len(losses) - 1, None, losses)

    def epoch_ended(self) -> None:
        """After the run's counts went on, and callbacks have seen the epoch."""
        self.seen, self.first, self.looked = 0, self.prepared.steps, self.prepared.steps
        self.made = np.zeros(0)
        steers = bool(self.prepared.emitted.parts.training.callbacks)  # as far as one knows
        if steers or self.looked - self.kept.step >= KEEP:
            self.kept = self.keep(self.looked)

    def _check(self, losses: np.ndarray, first: int, every: Callable[[], np.ndarray]) -> None:
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            raise NotFiniteError(self, first + int(bad[0]), float(losses[bad[0]]), every())


def _check_before(weights: Mapping[str, np.ndarray]) -> None:
    """There must be something to go back to."""
    for path in not_finite(weights):
        bad = np.argwhere(~np.isfinite(weights[path]))[0]
        raise WeightsError(
            f"the net's weights are not finite before the first step: {path!r} holds "
            f"{weights[path][tuple(bad)]} at {bad.tolist()}. Load others, or compile anew; "
            "check_finite=False trains all the same"
        )


def guard_for(prepared: Prepared, made: np.ndarray) -> Guard | None:
    """A Guard, where the backend gives the state of optimizers, which it needs to go back.

    Raises WeightsError where there is nothing good to begin with.
    """
    try:
        return Guard(prepared, made)
    except BackendError:
        return None


def not_finite(weights: Mapping[str, np.ndarray]) -> list[str]:
    """Paths of arrays that hold a NaN or an infinity."""
    return [p for p, w in weights.items() if w.dtype.kind == "f" and not np.isfinite(w).all()]
