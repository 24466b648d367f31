"""What optimizers check about their settings, and what their rules share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from polydl.layers.checks import require_within
from polydl.optimizers.optimizer import Optimizer
from polydl.schedules.checks import require_schedule
from polydl.schedules.schedule import Schedule
from polydl.spec.tensor import Tensor

if TYPE_CHECKING:
    Rate = Any  # in `update` it is a number or a Tensor, with which one can calculate
else:
    Rate = float | Schedule


def require_rate(rule: Optimizer) -> None:
    """Raise DefinitionError unless the learning rate is a number of 0 or more, or a Schedule."""
    require_schedule(type(rule).__name__, "learning_rate", rule.learning_rate)


def rest(share: float) -> float:
    """1 - share, with the digits that one would write where the two are the same float but for one."""
    exact = 1.0 - share
    written = round(exact, 12)
    return written if abs(written - exact) <= 1e-15 * exact else exact


class Decaying(Optimizer):
    """A rule with weight decay.

    coupled: g = g + weight_decay p, the gradient of weight_decay/2 |p|², before all else.
    decoupled: p = p (1 - learning_rate weight_decay), beside the rule (Loshchilov & Hutter 2019,
    whose decay is not times the learning rate; in torch, Keras and optax it is).
    """

    learning_rate: Rate
    weight_decay: float
    decoupled: bool

    def check_decay(self) -> None:
        name = type(self).__name__
        require_within(name, 0.0, math.inf, weight_decay=self.weight_decay)

    def decayed(self, parameter: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """(parameter, gradient) with the decay in the one or in the other."""
        if not self.weight_decay:
            return parameter, gradient
        if self.decoupled:
            return parameter * (1.0 - self.learning_rate * self.weight_decay), gradient
        return parameter, gradient + self.weight_decay * parameter
