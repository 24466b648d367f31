"""The factor of a loss in float16, whose small gradients would be zero without it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

from polydl.errors import DefinitionError
from polydl.spec.arguments import known_arguments


@known_arguments()
@dataclass(frozen=True)
class LossScale:
    """Dynamic loss scaling (Micikevicius et al., Mixed Precision Training, 2018).

    The loss is multiplied by a scale before it is differentiated, and its gradient divided by it, in
    float32. A number of the gradient that is not finite means that the scale was too large: the update
    is skipped (the optimizer does not count it, state such as running statistics has moved) and the
    scale multiplied by `backoff`. After `growth_every` updates in a row that were good it is multiplied
    by `growth`, where that is finite.

    torch.amp.GradScaler does the same, from 2**16 by default and optimizer by optimizer; here an update
    is skipped for all parameters or for none. keras.optimizers.LossScaleOptimizer always doubles and
    halves, from 2**15; flax.training.dynamic_scale.DynamicScale begins at 2**16 and keeps a minimum.
    """

    initial: float = 2.0**15
    growth_every: int = 2000
    growth: float = 2.0
    backoff: float = 0.5

    def __post_init__(self) -> None:
        for name, low, high in (("initial", 0.0, inf), ("growth", 1.0, inf), ("backoff", 0.0, 1.0)):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            bounds = f"above {low:g}" if high == inf else f"between {low:g} and {high:g}"
            _require(number and low < value < high, f"{name} must be a number {bounds}", value)
            object.__setattr__(self, name, float(value))
        every = self.growth_every
        good = isinstance(every, int) and not isinstance(every, bool) and every > 0
        _require(good, "growth_every must be a positive integer", every)


def _require(holds: bool, text: str, given: Any) -> None:
    if not holds:
        raise DefinitionError(f"LossScale: {text}, got {given!r}")
