"""What happens between the steps of an emitted loop: counts, callbacks, and whether to go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polydl.callbacks.callback import Callback
from polydl.training.checkpointer import Checkpointer
from polydl.training.run import Run


class Driver:
    """The hooks of an emitted `fit`, for one run of it.

    stop: set by an interrupt. commit: called at an epoch's end before anything is told, so that weights
    and counts are in place; gives the number of updates so far. checkpointer: comes last, when all
    others have seen the step or the epoch.
    """

    def __init__(
        self,
        run: Run,
        callbacks: Sequence[Callback],
        stop: threading.Event,
        commit: Callable[[], int],
        checkpointer: Checkpointer | None = None,
    ):
        self.run, self.callbacks, self.interrupt, self.commit = run, callbacks, stop, commit
        self.checkpointer = checkpointer
        self.in_epoch = False
        self.ends = False  # in the middle of an epoch

    def begin(self) -> None:
        for callback in self.callbacks:
            callback.on_train_begin(self.run)

    def before_step(self, step: int, results: list[Any], sizes: list[int]) -> bool:
        """Whether to stop before the step of this number."""
        run = self.run
        self._stepped(step)
        run.history.interrupted = self.interrupt.is_set()
        self.ends = run.history.interrupted or bool(run.stopped)
        if self.checkpointer is not None:
            self.checkpointer.before_step(step, results, sizes, self.ends)
        if self.ends:
            return True
        if not self.in_epoch:
            self.in_epoch = True
            for callback in self.callbacks:
                callback.on_epoch_begin(run, run.epoch + 1)
        return False

    def after_epoch(self, losses: np.ndarray, scores: dict[str, float]) -> None:
        run = self.run
        self.in_epoch = False
        run.epoch += 1
        run.history.add(losses, scores)
        self._stepped(self.commit())
        for callback in self.callbacks:
            callback.on_epoch_end(run, run.epoch, scores)
        if self.checkpointer is not None and not self.ends:
            self.checkpointer.after_epoch(scores)

    def _stepped(self, step: int) -> None:
        if step > self.run.step:
            self.run.step = step
            for callback in self.callbacks:
                callback.on_step_end(self.run, step)

    def end(self) -> None:
        for callback in self.callbacks:
            callback.on_train_end(self.run)

    def failed(self, error: BaseException) -> None:
        for callback in self.callbacks:
            callback.on_exception(self.run, error)
