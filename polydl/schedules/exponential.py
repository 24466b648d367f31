from __future__ import annotations

import operator
from functools import reduce

from polydl.layers.checks import require_above_zero, require_positive
from polydl.schedules.checks import boundaries, require_rate
from polydl.schedules.schedule import Schedule
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class ExponentialDecay(Schedule):
    """initial factor^(step / steps): `factor` times as high every `steps` steps, smoothly.

    keras ExponentialDecay and optax.exponential_decay, whose decay_rate is `factor`. torch's
    ExponentialLR is that of steps=1.
    """

    initial: float
    steps: int
    factor: float = 0.96

    def __post_init__(self) -> None:
        require_rate("ExponentialDecay", initial=self.initial)
        require_positive("ExponentialDecay", steps=self.steps)
        require_above_zero("ExponentialDecay", factor=self.factor)

    def __call__(self, step: Tensor) -> Tensor:
        return self.initial * self.factor ** (step / self.steps)


@builtin()
class StepDecay(Schedule):
    """initial factor^floor(step / steps): `factor` times as high every `steps` steps, at once.

    torch StepLR, whose step_size is `steps` and whose gamma is `factor`; keras ExponentialDecay and
    optax.exponential_decay with staircase=True.
    """

    initial: float
    steps: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        require_rate("StepDecay", initial=self.initial)
        require_positive("StepDecay", steps=self.steps)
        require_above_zero("StepDecay", factor=self.factor)

    def __call__(self, step: Tensor) -> Tensor:
        return self.initial * self.factor ** (step // self.steps).astype("float")


@builtin()
class MultiStepDecay(Schedule):
    """initial factor^k, where k is the number of boundaries that are at most `step`.

    So the update of step `boundaries[0]` is the first with the next rate. torch MultiStepLR, whose
    milestones are `boundaries`, and optax.piecewise_constant_schedule do the same. Keras'
    PiecewiseConstantDecay changes one step later.
    """

    initial: float
    boundaries: tuple[int, ...]
    factor: float = 0.1

    def __post_init__(self) -> None:
        require_rate("MultiStepDecay", initial=self.initial)
        self.boundaries = boundaries("MultiStepDecay", self.boundaries)
        require_above_zero("MultiStepDecay", factor=self.factor)

    def __call__(self, step: Tensor) -> Tensor:
        reached = [(step >= boundary).astype("float") for boundary in self.boundaries]
        passed = reduce(operator.add, reached)
        return self.initial * self.factor**passed
