from __future__ import annotations

from typing import Literal

from polydl import ops
from polydl.errors import DefinitionError, nearest
from polydl.layers.checks import require_above_zero, require_positive
from polydl.schedules.checks import between, require_rate
from polydl.schedules.cosine import half_cosine
from polydl.schedules.schedule import Schedule
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor

_ANNEALS = ("cosine", "linear")


@builtin()
class OneCycle(Schedule):
    """From peak / div_factor up to `peak`, and down to peak / (div_factor final_div_factor).

    The shape is that of torch OneCycleLR, for the learning rate alone: the way up ends at step
    pct_start steps - 1, the way down at the last step, steps - 1, and the rate stays there (torch
    raises after it). three_phase: down to the first rate, as many steps as up, and then further down
    to the last. anneal: "cosine" for halves of a cosine, "linear" for straight lines.

    Smith & Topin 2018, whose three phases are straight lines. optax.cosine_onecycle_schedule and
    optax.linear_onecycle_schedule reach the top at int(pct_start steps) and the end at `steps`.
    """

    peak: float
    steps: int
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False
    anneal: Literal["cosine", "linear"] = "cosine"

    def __post_init__(self) -> None:
        require_rate("OneCycle", peak=self.peak)
        require_positive("OneCycle", steps=self.steps)
        require_above_zero("OneCycle", pct_start=self.pct_start, div_factor=self.div_factor,
                           final_div_factor=self.final_div_factor)  # fmt: skip
        if self.anneal not in _ANNEALS:
            raise DefinitionError(
                f"OneCycle: unknown anneal {self.anneal!r}. {nearest(str(self.anneal), [*_ANNEALS])}"
            )
        ends = self._ends()
        if ends[0] <= 0.0 or ends[-2] >= ends[-1]:
            way = "there and back" if self.three_phase else "up"
            raise DefinitionError(
                f"OneCycle: pct_start={self.pct_start} of {self.steps} steps leaves no way {way} "
                f"before the last step, or none at all. Each phase needs a step"
            )

    def _ends(self) -> list[float]:
        """The last step of each phase."""
        rising = self.pct_start * self.steps - 1
        middle = [2 * rising] if self.three_phase else []
        whole = [float(round(end)) if abs(end - round(end)) < 1e-9 else end
                 for end in [rising, *middle]]  # fmt: skip
        return [*whole, float(self.steps - 1)]

    def __call__(self, step: Tensor) -> Tensor:
        first, peak = self.peak / self.div_factor, self.peak
        last = first / self.final_div_factor
        ends = self._ends()
        starts = [0.0, *ends]
        rates = [first, peak, *([first] if self.three_phase else []), last]
        phases = [
            self._phase(step, *span)
            for span in zip(starts, ends, rates[:-1], rates[1:], strict=False)
        ]
        rate = phases.pop()
        for end, phase in zip(ends[-2::-1], phases[::-1], strict=True):
            rate = ops.where(step <= int(end), phase, rate)
        return rate

    def _phase(self, step: Tensor, start: float, end: float, low: float, high: float) -> Tensor:
        """From one rate to another, between two steps; flat at the very end."""
        passed = step.astype("float") - start if start else step
        if end == self.steps - 1:
            progress = ops.minimum(passed / (end - start), 1.0)
        else:
            progress = passed / (end - start)
        if self.anneal == "linear":
            return between(low, high, progress)
        cosine = half_cosine(progress)
        return between(high, low, cosine)
