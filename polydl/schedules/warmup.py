from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_positive
from polydl.schedules.checks import between, require_rate, require_schedule
from polydl.schedules.constant import Constant
from polydl.schedules.schedule import Schedule
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Warmup(Schedule):
    """A straight line from `start` to the schedule's first rate in `steps` steps, then the schedule.

    start + (schedule(0) - start) step / steps before step `steps`; from there on
    schedule(step - steps): the schedule counts from 0 after the warm-up, so that the whole run takes
    `steps` and the schedule's own steps. schedule: a Schedule, or a number to stay at.

    torch SequentialLR of LinearLR and another; optax.join_schedules of linear_schedule and another.
    Keras' CosineDecay has warmup_steps of its own, which also come before its decay_steps, while the
    decay_steps of optax.warmup_cosine_decay_schedule hold those of the warm-up.
    """

    schedule: Schedule | float
    steps: int
    start: float = 0.0

    def __post_init__(self) -> None:
        require_schedule("Warmup", "schedule", self.schedule)
        require_positive("Warmup", steps=self.steps)
        require_rate("Warmup", start=self.start)

    def __call__(self, step: Tensor) -> Tensor:
        schedule = self.schedule
        if not isinstance(schedule, Schedule):
            schedule = Constant(schedule)
        peak = schedule.at(0)
        if self.start == peak:
            warming = ops.full((), peak)
        elif self.start == 0.0:
            warming = peak * step.astype("float") / self.steps
        else:
            progress = step / self.steps
            warming = between(self.start, peak, progress)
        after = step - self.steps
        return ops.where(step < self.steps, warming, schedule(after))
