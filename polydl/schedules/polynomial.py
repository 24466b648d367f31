from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_above_zero, require_positive
from polydl.schedules.checks import between, require_rate
from polydl.schedules.schedule import Schedule
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class PolynomialDecay(Schedule):
    """final + (initial - final) (1 - step / steps)^power, and `final` from step `steps` on.

    power=1 is a straight line, up or down. keras PolynomialDecay (whose end_learning_rate is 0.0001
    by default, ours is 0), optax.polynomial_schedule and optax.linear_schedule; torch PolynomialLR
    with final=0, and LinearLR with power=1.
    """

    initial: float
    steps: int
    final: float = 0.0
    power: float = 1.0

    def __post_init__(self) -> None:
        require_rate("PolynomialDecay", initial=self.initial, final=self.final)
        require_positive("PolynomialDecay", steps=self.steps)
        require_above_zero("PolynomialDecay", power=self.power)

    def __call__(self, step: Tensor) -> Tensor:
        progress = ops.minimum(step / self.steps, 1.0)
        if self.power == 1.0:
            return between(self.initial, self.final, progress)
        if self.final == 0.0:
            return self.initial * (1.0 - progress) ** self.power
        left = (1.0 - progress) ** self.power
        return between(self.final, self.initial, left)
