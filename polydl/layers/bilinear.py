from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_axes, require_positive
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Bilinear(Module):
    """A product of two inputs, over the last axis of each: y_k = x1^T W_k x2 + b_k.

    y[..., k] = b[k] + sum over i, j of x1[..., i] kernel[i, j, k] x2[..., j]. Leading axes broadcast.

    kernel (x1's features, x2's features, units), bias (units,). torch: nn.Bilinear, whose weight is
    (units, x1's features, x2's features). Keras and Flax have none.
    """

    units: int
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"

    def __post_init__(self) -> None:
        require_positive("Bilinear", units=self.units)

    def __call__(self, x1: Tensor, x2: Tensor) -> Tensor:
        for x in (x1, x2):
            require_axes("Bilinear", x, "...", "features")
        shape = (x1.shape[-1], x2.shape[-1], self.units)
        kernel = self.parameter("kernel", shape, self.kernel_initializer)
        y = ops.einsum("...i,ijk,...j->...k", x1, kernel, x2)
        if self.use_bias:
            y = y + self.parameter("bias", (self.units,), self.bias_initializer)
        return y
