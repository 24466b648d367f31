"""A training run as callbacks see it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polydl.errors import DefinitionError
from polydl.program.unboxed import unboxed
from polydl.training.callback_text import takes_factor
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
    where it is not known.
    """

    net: Net
    training: Training
    epochs: int
    steps_per_epoch: int | None
    step: int = 0
    epoch: int = 0
    history: History = field(default_factory=History)
    _rate_factor: float = 1.0

    def stop(self, reason: str = "stopped by a callback") -> None:
        """End the run before the next step. `reason` goes into the history."""
        self.history.stopped = self.history.stopped or reason

    @property
    def stopped(self) -> str:
        """Why the run ends before its last epoch, or ""."""
        return self.history.stopped

    @property
    def rate_factor(self) -> float:
        """What the learning rate of the next steps is multiplied by."""
        return self._rate_factor

    @rate_factor.setter
    def rate_factor(self, factor: float) -> None:
        if not takes_factor(self.training):
            raise DefinitionError(
                "run.rate_factor: this program's learning rate is a constant. Put changes_rate = True "
                "into the class of the callback that sets it"
            )
        number = unboxed(factor)
        good = isinstance(number, (int, float)) and not isinstance(number, bool)
        if not good or not 0.0 <= number < math.inf:
            raise DefinitionError(
                f"run.rate_factor must be a finite number of 0 or more, got {factor!r}"
            )
        self._rate_factor = float(number)

    def restore_rate_factor(self, factor: float) -> None:
        """As it was in the run that goes on."""
        self._rate_factor = factor
