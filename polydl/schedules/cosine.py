from __future__ import annotations

import math

from polydl import ops
from polydl.layers.checks import require_above_zero, require_positive
from polydl.schedules.checks import between, require_rate
from polydl.schedules.schedule import Schedule
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


def half_cosine(progress: Tensor) -> Tensor:
    """(1 + cos(π progress)) / 2: from 1 at 0 to 0 at 1."""
    return (1.0 + ops.cos(math.pi * progress)) / 2.0


@builtin()
class CosineDecay(Schedule):
    """final + (initial - final) (1 + cos(π step / steps)) / 2, and `final` from step `steps` on.

    keras CosineDecay and optax.cosine_decay_schedule, whose alpha is final / initial. torch's
    CosineAnnealingLR (T_max is `steps`, eta_min is `final`) rises again after `steps`. For a warm-up
    before it: `Warmup(CosineDecay(...), steps)`.
    """

    initial: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        require_rate("CosineDecay", initial=self.initial, final=self.final)
        require_positive("CosineDecay", steps=self.steps)

    def __call__(self, step: Tensor) -> Tensor:
        progress = ops.minimum(step / self.steps, 1.0)
        if self.final == 0.0:
            return self.initial * (1.0 + ops.cos(math.pi * progress)) / 2.0
        cosine = half_cosine(progress)
        return between(self.final, self.initial, cosine)


@builtin()
class CosineRestarts(Schedule):
    """Half a cosine from `initial` to `final`, again and again, without an end.

    Cycle n = 0, 1, ... takes steps t_mul^n steps and goes through a part m_mul^n of the way:
    final + (initial - final) m_mul^n (1 + cos(π (step - start of the cycle) / its length)) / 2.
    Loshchilov & Hutter 2017 (SGDR). torch CosineAnnealingWarmRestarts (T_0, T_mult, eta_min), which
    has no m_mul; keras CosineDecayRestarts, whose t_mul is 2 by default and whose alpha is
    final / initial; optax.sgdr_schedule, which takes a list of cycles.
    """

    initial: float
    steps: int
    final: float = 0.0
    t_mul: int = 1
    m_mul: float = 1.0

    def __post_init__(self) -> None:
        require_rate("CosineRestarts", initial=self.initial, final=self.final)
        require_positive("CosineRestarts", steps=self.steps, t_mul=self.t_mul)
        require_above_zero("CosineRestarts", m_mul=self.m_mul)

    def __call__(self, step: Tensor) -> Tensor:
        if self.t_mul == 1:
            cycle = (step // self.steps).astype("float")
            progress = step % self.steps / self.steps
        else:
            cycle, progress = self._growing(step)
        if self.final != 0.0:
            cosine = half_cosine(progress)
            share = cosine if self.m_mul == 1.0 else self.m_mul**cycle * cosine
            return between(self.final, self.initial, share)
        initial = self.initial if self.m_mul == 1.0 else self.initial * self.m_mul**cycle
        return initial * (1.0 + ops.cos(math.pi * progress)) / 2.0

    def _growing(self, step: Tensor) -> tuple[Tensor, Tensor]:
        """The number of the cycle that a step is in, and how much of it has passed.

        Cycle n begins at steps (t_mul^n - 1) / (t_mul - 1). The logarithm is taken of the middle of a
        step, so that rounding does not decide where a cycle begins.
        """
        times, middle = self.t_mul, step.astype("float") + 0.5
        if times == 2:
            cycle = ops.floor(ops.log2(middle / self.steps + 1.0))
            length = self.steps * 2.0**cycle
            start = length - self.steps
        else:
            grown = middle * (times - 1) / self.steps + 1.0
            cycle = ops.floor(ops.log(grown) / math.log(times))
            length = self.steps * float(times) ** cycle
            start = (length - self.steps) / (times - 1)
        progress = (step.astype("float") - start) / length
        return cycle, progress
