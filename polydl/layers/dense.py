from __future__ import annotations

from polydl.layers.checks import require_positive
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Dense(Module):
    """y = x W + b over the last axis.

    units: size of the last axis of y. kernel (inputs, units), bias (units,).
    torch: nn.Linear, whose weight is the transpose. Keras: Dense. Flax: nnx.Linear.
    """

    units: int
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"

    def __post_init__(self) -> None:
        require_positive("Dense", units=self.units)

    def __call__(self, x: Tensor) -> Tensor:
        y = x @ self.parameter("kernel", (x.shape[-1], self.units), self.kernel_initializer)
        if self.use_bias:
            y = y + self.parameter("bias", (self.units,), self.bias_initializer)
        return y
