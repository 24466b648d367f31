"""The state of a prepared run, taken out of its framework and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polydl.training.run_state import RunState

if TYPE_CHECKING:
    from polydl.training.preparation import Prepared


def take_state(prepared: Prepared, step: int, epoch: int, done: list[np.ndarray]) -> RunState:
    """Between two steps, with the Trainer finished: its model holds the weights.

    What `fit` itself has kept (losses, callbacks, what the run is of) is still missing.
    """
    state, model = prepared.state, prepared.model
    native = prepared.training.randomness == "native"
    return RunState(
        step=step,
        epoch=epoch,
        done=done,
        losses=np.zeros(0),
        epochs=[],
        weights=model.get_weights(),
        optimizer=state.optimizer(),
        about={"backend": prepared.backend.name},
        averages=state.averages(),
        random=model.random_state() if native else {},
        scale=state.loss_scale(),
    )


def put_state(prepared: Prepared, state: RunState) -> None:
    """Everything but the generators, which a run begins first: see put_random."""
    prepared.model.set_weights(state.weights)
    own = prepared.state
    updates = int(state.scale.get("updates", state.step))  # a skipped one is not counted
    own.set_optimizer(state.optimizer, updates)
    own.set_loss_scale(state.scale)
    if state.averages:
        own.set_averages(state.averages)
    prepared.steps, prepared.epochs = state.step, state.epoch


def put_random(prepared: Prepared, state: RunState) -> None:
    """The framework's own generators, if they are of this framework."""
    if state.random and state.about["backend"] == prepared.backend.name:
        prepared.model.set_random_state(state.random)
