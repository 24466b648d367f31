from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from polydl.errors import CheckpointError, DefinitionError, nearest
from polydl.spec.config import config_of
from polydl.spec.registry import kind_of

if TYPE_CHECKING:
    from polydl.training.run import Run
    from polydl.training.settings import Training


class Callback:
    """Looks on while a net is trained, and may steer: `Training(callbacks=[...])`.

    A subclass overrides what it wants to see:

        on_train_begin(run)                 on_train_end(run), or on_exception(run, error)
        on_epoch_begin(run, epoch)          on_epoch_end(run, epoch, scores)
        on_step_end(run, step)

        class StopAt(dl.Callback):
            def __init__(self, loss):
                self.loss = loss

            def on_epoch_end(self, run, epoch, scores):
                if scores["loss"] < self.loss:
                    run.stop("the loss is low enough")

    run.net, run.history, run.training, run.step, run.epoch are to look at; run.stop() ends the run
    before its next step; `run.rate_factor = 0.5` halves the learning rate from the next step on, where
    changes_rate is True in the class. What `state` gives is in checkpoints, and goes to `load_state`
    in a run that resumes. In every hook but on_step_end the net's weights are in
    place; `run` (dl.Run) is the same object throughout. Epochs and steps count from 1 there: epoch 3 is
    the third of the net's training, also when a later `fit` goes on. Hooks of several are called in the
    order of the list, after EarlyStopping and ReduceLROnPlateau, which are part of the emitted program.

    An error in a hook ends the run; the net keeps what was learnt. changes_rate: whether it sets
    `run.rate_factor`, so that the learning rate is an argument of the step and no constant in it.
    """

    changes_rate: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, value in vars(cls).items():
            if name.startswith("on_") and callable(value):
                _check_hook(cls.__name__, name, value)

    def on_train_begin(self, run: Run) -> None:
        """Before the first step."""

    def on_epoch_begin(self, run: Run, epoch: int) -> None:
        """Before an epoch's first step."""

    def on_step_end(self, run: Run, step: int) -> None:
        """After `step` updates; after several, where a backend makes several in one execution.

        Nothing is fetched from the device: there is no loss to look at.
        """

    def on_epoch_end(self, run: Run, epoch: int, scores: dict[str, float]) -> None:
        """After an epoch: its loss and metrics, and val_... of them if there is validation."""

    def on_train_end(self, run: Run) -> None:
        """After the last step, also of a run that was stopped or interrupted."""

    def on_exception(self, run: Run, error: BaseException) -> None:
        """In on_train_end's place, before the error goes on its way."""

    def state(self) -> dict[str, Any]:
        """What it needs to go on in a run that resumes, as plain data that JSON can hold."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take what `state` gave; called before on_train_begin."""

    def apart(self, name: str) -> Callback:
        """In its place, for one of several runs at a time, by name: with files of its own."""
        return self

    def check(self, training: Training) -> None:
        """Raise DefinitionError where it does not fit the training that it is put into."""

    @property
    def kind(self) -> str:
        return kind_of(type(self)) or type(self).__name__

    def config(self) -> dict[str, Any]:
        """Its settings, by name, where it is a dataclass of them."""
        return config_of(self) if dataclasses.is_dataclass(self) else {}

    def require(self, holds: bool, text: str, given: Any) -> None:
        """Raise DefinitionError unless it holds."""
        if not holds:
            raise DefinitionError(f"{type(self).__name__}: {text}, got {given!r}")


def plain_state(callback: Callback) -> Any:
    """Its state. Raises CheckpointError where JSON cannot hold it."""
    state = callback.state()
    try:
        json.dumps(state)
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{type(callback).__name__}.state() gives what a checkpoint cannot hold: {error}. Give "
            "numbers, texts, lists and dicts of them: array.tolist() of an array"
        ) from None
    return state


def _check_hook(where: str, name: str, hook: Callable[..., Any]) -> None:
    """A hook's name must be one of Callback's, and it must take what that takes."""
    known = [hook for hook in vars(Callback) if hook.startswith("on_")]
    if name not in known:
        raise DefinitionError(f"{where}: there is no hook {name!r}. {nearest(name, known)}")
    wanted = list(inspect.signature(vars(Callback)[name]).parameters)
    try:
        inspect.signature(hook).bind(*wanted)
    except TypeError:
        raise DefinitionError(f"{where}.{name} must take ({', '.join(wanted)})") from None
