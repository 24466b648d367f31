"""What a run goes on from: a checkpoint of the same backend, or of another."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike, fspath, path
from typing import Any

import numpy as np

from polydl.callbacks.callback import Callback
from polydl.errors import CheckpointError, ResumeWarning
from polydl.training.checkpointer import newest
from polydl.training.history import History
from polydl.training.identity import check_identity
from polydl.training.preparation import Prepared
from polydl.training.program_callbacks import ProgramCallbacks
from polydl.training.run_state import RunState, read_checkpoint
from polydl.training.settings import Training
from polydl.training.snapshots import put_random, put_state
from polydl.training.state_check import check_state


class Resuming:
    """What a fit takes from the checkpoint that it goes on from; without one, it begins.

    given: True for the newest of the training's own folder, if there is one; or a folder, or a file.
    """

    def __init__(self, training: Training, given: bool | str | PathLike[str]):
        self.where = _place(training, given)
        self.state: RunState | None = None
        if self.where is not None:
            _, self.state = read_checkpoint(self.where)
            training = replace(training, resumed=True)
        self.training = training
        self.about: dict[str, Any] = {}
        self.epoch = 0 if self.state is None else self.state.epoch

    @property
    def epochs_left(self) -> int:
        """How many epochs are still to be made."""
        return self.training.epochs - (0 if self.state is None else len(self.state.epochs))

    @property
    def made(self) -> int:
        """Steps of the running epoch that were made before."""
        return len(self.state.done[1]) if self.state is not None and self.state.done else 0

    @property
    def losses(self) -> np.ndarray:
        """Of those steps."""
        return self.state.done[0][:, 0] if self.state is not None and self.made else np.zeros(0)

    @property
    def best(self) -> float | None:
        """The best score until then, of the one that the checkpoints watch."""
        return None if self.state is None else self.state.best

    def identify(self, about: dict[str, Any]) -> None:
        """about: what the run that begins is of. Raises CheckpointError if it is another's."""
        self.about = about
        if self.state is not None:
            check_identity(self.state.about, about, str(self.where))
            made = len(self.state.epochs)
            if made > self.training.epochs:
                raise CheckpointError(
                    f"{self.where} is of a run that has made {made} epochs, more than epochs="
                    f"{self.training.epochs}. Give as many as it is to have in all"
                )

    def put(self, prepared: Prepared) -> History:
        """Everything into its place but random numbers and callbacks; the history before."""
        if self.state is None:
            return History()
        check_state(self.state, prepared, self.about["device"], str(self.where))
        put_state(prepared, self.state)
        return History(self.state.losses, list(self.state.epochs))

    def put_random(self, prepared: Prepared) -> None:
        if self.state is not None:
            put_random(prepared, self.state)

    def load(self, callbacks: Sequence[Callback], in_program: ProgramCallbacks) -> None:
        """What callbacks have kept: the first of a kind gets what the first of that kind had."""
        if self.state is None:
            return
        in_program.load_states(self.state.steering)
        in_program.set_best_weights(self.state.best_weights)
        kept: dict[str, list[Any]] = {}
        for kind, state in self.state.callbacks:
            kept.setdefault(kind, []).append(state)
        for callback in callbacks:
            if kept.get(callback.kind):
                callback.load_state(kept[callback.kind].pop(0))
        left = [kind for kind, states in kept.items() if any(states)]
        if left:
            warnings.warn(
                f"{self.where} holds what callbacks of the run have kept, but this one has no such: "
                f"{', '.join(left)}. The run goes on without",
                ResumeWarning,
                stacklevel=6,
            )

    @property
    def kept(self) -> list[int]:
        """Steps of the numbered files that the run has written, where it goes on in their folder."""
        folder = None if self.training.checkpoint is None else self.training.checkpoint.folder
        if self.state is None or self.where is None or folder is None:
            return []
        same = path.realpath(folder) == path.realpath(path.dirname(self.where))
        return sorted({*self.state.kept, self.state.step}) if same else []

    def done(self) -> dict[str, Any]:
        """The argument of the emitted loop."""
        return {"done": self.state.done} if self.state is not None and self.state.done else {}

    def done_by(
        self, epoch: int, trainer: Any, results: list[Any], sizes: list[int]
    ) -> list[np.ndarray]:
        """What an epoch's steps gave so far: those made before, and those of now."""
        before = self.done().get("done", []) if epoch == self.epoch else []
        if not results:
            return list(before)
        gathered = trainer.gather(results) if hasattr(trainer, "gather") else []
        done = [trainer.fetch(results), np.array(sizes), *gathered]
        return [np.concatenate(p) for p in zip(before, done, strict=True)] if before else done


def _place(training: Training, given: bool | str | PathLike[str]) -> str | None:
    """The file to go on from, or None to begin."""
    if given is False:
        return None
    if given is True:
        if training.checkpoint is None:
            raise CheckpointError(
                "resume=True goes on from the checkpoints of this Training, which has none. Give "
                "Training(checkpoint=dl.Checkpoint(folder)), or resume=file"
            )
        found = newest(training.checkpoint.folder)
        return None if found is None else fspath(found)
    if not isinstance(given, (str, PathLike)):
        raise CheckpointError(f"resume must be True, False, a folder or a file, got {given!r}")
    place = fspath(given)
    if not path.exists(place):
        raise CheckpointError(f"{place}: there is no such file or folder to go on from")
    if not path.isdir(place):
        return place
    found = newest(place)
    if found is None:
        raise CheckpointError(f"there is no checkpoint in {place}")
    return fspath(found)
