from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.layers.activation import Activated
from polydl.layers.checks import require_axes, require_positive
from polydl.program.types import Initializer
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Dense(Activated):
    """y = x W + b over the last axis.

    units: size of the last axis of y. activation: of y, by name or a function. kernel (inputs, units),
    bias (units,).
    torch: nn.Linear, whose weight is the transpose. Keras: Dense. Flax: nnx.Linear.
    """

    units: int
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"
    activation: str | Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        require_positive("Dense", units=self.units)
        self.check_activation()

    def __call__(self, x: Tensor) -> Tensor:
        require_axes("Dense", x, "...", "features")
        y = x @ self.parameter("kernel", (x.shape[-1], self.units), self.kernel_initializer)
        if self.use_bias:
            y = y + self.parameter("bias", (self.units,), self.bias_initializer)
        return y
