from __future__ import annotations

from polydl import ops
from polydl.averages.average import Average
from polydl.errors import DefinitionError
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class SWA(Average):
    """The mean of the weights after updates start, start + every, start + 2 every, ...

    Izmailov et al. 2018. Until `start` the averages are the weights themselves. torch's
    swa_utils.AveragedModel does the same if it is updated at these steps. What the learning rate does
    meanwhile is the optimizer's schedule; BatchNorm's statistics are of the weights, not of their mean.
    """

    start: int
    every: int = 1

    def __post_init__(self) -> None:
        for name in ("start", "every"):
            if getattr(self, name) < 1:
                raise DefinitionError(
                    f"SWA: {name} must be a number of updates from 1 on, got {getattr(self, name)!r}"
                )

    def weight(self, step: Tensor) -> Tensor | float:
        after = step + (1 - self.start)
        share = 1.0 / (after // self.every + 1).astype("float")
        moving = ops.where(after % self.every == 0, share, 0.0) if self.every > 1 else share
        return ops.where(after <= 0, 1.0, moving)
