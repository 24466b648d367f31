"""What callbacks hear of a run, and whether it goes on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from polydl.callbacks.callback import Callback
from polydl.training.run import Run


class Driver:
    """Calls the hooks of callbacks, in their order. stop: is set by an interrupt.

    ends: whether the run does, in the middle of an epoch.
    """

    def __init__(self, run: Run, callbacks: Sequence[Callback], stop: threading.Event):
        self.run, self.callbacks, self.interrupt = run, callbacks, stop
        self.in_epoch = False
        self.ends = False

    def begin(self) -> None:
        for callback in self.callbacks:
            callback.on_train_begin(self.run)

    def ends_before(self, step: int) -> bool:
        """Whether the run ends before the step of this number."""
        self._stepped(step)
        self.run.history.interrupted = self.interrupt.is_set()
        self.ends = self.run.history.interrupted or bool(self.run.stopped)
        return self.ends

    def goes_on(self) -> None:
        """A step is about to be made."""
        if self.in_epoch:
            return
        self.in_epoch = True
        for callback in self.callbacks:
            callback.on_epoch_begin(self.run, self.run.epoch + 1)

    def epoch_ended(self, step: int, scores: dict[str, Any]) -> None:
        """step: how many updates there were. The run has counted the epoch."""
        self.in_epoch = False
        self._stepped(step)
        for callback in self.callbacks:
            callback.on_epoch_end(self.run, self.run.epoch, scores)

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
