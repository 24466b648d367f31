"""A training run as callbacks see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polydl.training.history import History

if TYPE_CHECKING:
    from polydl.net import Net
    from polydl.training.settings import Training


@dataclass
class Run:
    """What a callback's hooks get.

    net: the net that is trained; its weights are in place in all hooks but on_step_end. training: as
    it was given to `fit`. history: of this `fit` so far. step, epoch: how many updates and epochs the
    net has had, earlier fits included. epochs: how many this `fit` is to make. steps_per_epoch: None
    where it is not known. stopped: why the run ends before that, or "".
    """

    net: Net
    training: Training
    epochs: int
    steps_per_epoch: int | None
    step: int = 0
    epoch: int = 0
    history: History = field(default_factory=History)
    stopped: str = ""

    def stop(self, reason: str = "stopped by a callback") -> None:
        """End the run before the next step. `reason` goes into the history."""
        self.stopped = self.stopped or reason
