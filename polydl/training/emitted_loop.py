"""Calling the emitted `fit`: for a run, and for some of its steps once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from polydl.sources.opening import Opened
from polydl.sources.prefetch import Prefetcher
from polydl.training.batch_loop import takes_batches
from polydl.training.callback_text import takes_factor
from polydl.training.preparation import Prepared
from polydl.training.program_callbacks import ProgramCallbacks
from polydl.training.resuming import Resuming
from polydl.training.settings import Training


@dataclass
class EmittedLoop:
    """The emitted `fit` with the arguments that one run has. first: its first epoch; end: after it."""

    training: Training
    prepared: Prepared
    opened: Opened
    resuming: Resuming
    in_program: ProgramCallbacks
    first: int
    end: int

    def run(
        self,
        ahead: Prefetcher,
        before_step: Callable[..., bool],
        after_epoch: Callable[..., None],
    ) -> None:
        """All its epochs."""
        self.prepared.module.fit(
            self.prepared.trainer,
            *self.opened.data,
            self.opened.validation,
            epochs=self.end - self.first,
            first_epoch=self.first,
            step=self.prepared.steps,
            before_step=before_step,
            after_epoch=after_epoch,
            **({"prefetch": ahead} if takes_batches(self.training) else {}),
            **self._options(),
            **self.resuming.done(),
            **self.in_program.instances,
        )

    def again(self, trainer: Any, epoch: int, step: int) -> None:
        """From an epoch on, with another Trainer, and nobody looking on."""
        self.prepared.module.fit(
            trainer,
            *self.opened.data,
            epochs=self.end - epoch,
            first_epoch=epoch,
            step=step,
            **self._options(),
            **(self.resuming.done() if epoch == self.first else {}),
            **self.in_program.again(epoch),
        )

    def _options(self) -> dict[str, Any]:
        """What not every emitted `fit` takes."""
        found: dict[str, Any] = {}
        if self.training.data == "arrays":
            found["batch_size"] = self.training.batch_size
        if takes_factor(self.training):
            found["rate_factor"] = self.in_program.rate_factor
        return found
