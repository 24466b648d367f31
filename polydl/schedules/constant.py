from __future__ import annotations

from polydl import ops
from polydl.schedules.checks import require_rate
from polydl.schedules.schedule import Schedule
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Constant(Schedule):
    """rate at every step: what a number instead of a schedule is.

    optax.constant_schedule. torch's ConstantLR is another thing: a factor for the first steps.
    """

    rate: float

    def __post_init__(self) -> None:
        require_rate("Constant", rate=self.rate)

    def __call__(self, step: Tensor) -> Tensor:
        return ops.full((), self.rate)
