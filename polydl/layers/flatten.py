from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_axes
from polydl.program.sizes import product
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Flatten(Module):
    """All axes but the batch become one, in C order of (batch, height, width, channels)."""

    def __call__(self, x: Tensor) -> Tensor:
        require_axes("Flatten", x, "batch", "...")
        return ops.reshape(x, (x.shape[0], product(x.shape[1:])))
