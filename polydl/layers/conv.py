from __future__ import annotations

from polydl import ops
from polydl.errors import DefinitionError, ShapeError
from polydl.layers.checks import require_image, require_positive
from polydl.layers.geometry import Padding, check_padding, pair, resolve_padding
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Conv2D(Module):
    """Cross-correlation of (batch, height, width, channels) with a window, plus a bias.

    y[n, i, j, o] = b[o] + sum over a, b, c of x[n, i s + a d - p, j s + b d - p, c] K[a, b, c, o]

    padding: "valid", "same" (ceil(size / stride) outputs; XLA's and TensorFlow's rule, the odd one
    after), an int, or (before, after) for each axis. torch refuses 'same' with a stride and puts no
    odd padding anywhere. kernel (height, width, channels / groups, filters); torch keeps it as
    (filters, channels / groups, height, width).
    """

    filters: int
    kernel_size: int | tuple[int, int]
    strides: int | tuple[int, int] = 1
    padding: Padding = "valid"
    dilation: int | tuple[int, int] = 1
    groups: int = 1
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"

    def __post_init__(self) -> None:
        require_positive("Conv2D", filters=self.filters, groups=self.groups)
        for name in ("kernel_size", "strides", "dilation"):
            pair("Conv2D", name, getattr(self, name))
        check_padding("Conv2D", self.padding)
        if self.filters % self.groups:
            raise DefinitionError(
                f"Conv2D: {self.groups} groups do not divide {self.filters} filters"
            )

    def __call__(self, x: Tensor) -> Tensor:
        require_image("Conv2D", x)
        window = pair("Conv2D", "kernel_size", self.kernel_size)
        strides = pair("Conv2D", "strides", self.strides)
        dilation = pair("Conv2D", "dilation", self.dilation)
        channels = x.shape[-1]
        if not isinstance(channels, int) or channels % self.groups:
            raise ShapeError(f"Conv2D: {self.groups} groups do not divide {channels} channels")
        kernel = self.parameter(
            "kernel", (*window, channels // self.groups, self.filters), self.kernel_initializer
        )
        padding = resolve_padding("Conv2D", self.padding, x.shape[1:3], window, strides, dilation)
        y = ops.conv(
            x, kernel, strides=strides, padding=padding, dilation=dilation, groups=self.groups
        )
        if self.use_bias:
            y = y + self.parameter("bias", (self.filters,), self.bias_initializer)
        return y
