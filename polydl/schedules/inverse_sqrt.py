from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_positive
from polydl.schedules.checks import require_rate
from polydl.schedules.schedule import Schedule
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class InverseSqrt(Schedule):
    """peak min(t / warmup_steps, sqrt(warmup_steps / t)), where t = step + 1 is the update's number.

    A straight line up to `peak` at update `warmup_steps`, then down with the root of the number of
    updates: Vaswani et al. 2017, section 5.3, and fairseq's inverse_sqrt. No framework has it.
    `InverseSqrt.noam` takes the size of the model instead of the peak.
    """

    peak: float
    warmup_steps: int

    def __post_init__(self) -> None:
        require_rate("InverseSqrt", peak=self.peak)
        require_positive("InverseSqrt", warmup_steps=self.warmup_steps)

    @classmethod
    def noam(cls, model_size: int, warmup_steps: int = 4000, factor: float = 1.0) -> InverseSqrt:
        """factor model_size^(-1/2) min(t^(-1/2), t warmup_steps^(-3/2)): the paper's own form."""
        require_positive("InverseSqrt.noam", model_size=model_size, warmup_steps=warmup_steps)
        require_rate("InverseSqrt.noam", factor=factor)
        return cls(factor * (model_size * warmup_steps) ** -0.5, warmup_steps)

    def __call__(self, step: Tensor) -> Tensor:
        update = step.astype("float") + 1.0
        return self.peak * ops.minimum(
            update / self.warmup_steps, ops.sqrt(self.warmup_steps / update)
        )
