from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_axes, require_known
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class PReLU(Module):
    """x where x > 0, else slope x, with a slope that is learned (He et al. 2015).

    One slope for each feature of the last axis, slope (features,), or with shared a single one, (1,).
    It begins at 0.25, as in torch; Keras begins at 0. The derivative at 0 is the slope.
    """

    shared: bool = False
    slope_initializer: str | float | Initializer = 0.25

    def __call__(self, x: Tensor) -> Tensor:
        require_axes("PReLU", x, "...", "features")
        features = 1 if self.shared else require_known("PReLU", features=x.shape[-1])
        slope = self.parameter("slope", (features,), self.slope_initializer)
        return ops.where(x > 0, x, slope * x)
