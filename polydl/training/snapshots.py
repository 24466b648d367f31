"""The state of a prepared run, taken out of its framework and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polydl.backend import Backend
from polydl.training.run_state import Arrays, RunState

if TYPE_CHECKING:
    from polydl.training.preparation import Prepared


def take_state(
    backend: Backend, prepared: Prepared, step: int, epoch: int, done: list[np.ndarray]
) -> RunState:
    """Between two steps, with the Trainer finished: its model holds the weights.

    What `fit` itself has kept (losses, callbacks, what the run is of) is still missing.
    """
    trainer, model = prepared.trainer, prepared.model
    native = prepared.training.randomness == "native"
    return RunState(
        step=step,
        epoch=epoch,
        done=done,
        losses=np.zeros(0),
        epochs=[],
        weights=model.get_weights(),
        optimizer=backend.optimizer_state(prepared.emitted, model, trainer),
        about={"backend": backend.name},
        averages=averages_of(backend, prepared),
        random=model.random_state() if native else {},
        scale=backend.loss_scale(prepared.emitted, model, trainer),
    )


def put_state(backend: Backend, prepared: Prepared, state: RunState) -> None:
    """Everything but the generators, which a run begins first: see put_random."""
    prepared.model.set_weights(state.weights)
    updates = int(state.scale.get("updates", state.step))  # a skipped one is not counted
    backend.set_optimizer_state(
        prepared.emitted, prepared.model, prepared.trainer, state.optimizer, updates
    )
    backend.set_loss_scale(prepared.emitted, prepared.trainer, state.scale)
    if state.averages:
        backend.set_averages(prepared.emitted, prepared.model, prepared.trainer, state.averages)
    prepared.steps, prepared.epochs = state.step, state.epoch


def averages_of(backend: Backend, prepared: Prepared) -> Arrays:
    """The averages of weights by path; none where the training has none."""
    if prepared.emitted.parts.training.average is None:
        return {}
    return backend.averages(prepared.emitted, prepared.model, prepared.trainer)


def put_random(backend: Backend, prepared: Prepared, state: RunState) -> None:
    """The framework's own generators, if they are of this framework."""
    if state.random and state.about["backend"] == backend.name:
        prepared.model.set_random_state(state.random)
