from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from polydl import ops
from polydl.layers.activation import Activated
from polydl.layers.checks import require_groups, require_positive, require_spatial
from polydl.layers.geometry import Ints, Padding, check_padding, per_axis, resolve_padding
from polydl.program.types import Initializer
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


class Convolution(Activated):
    """What convolutions of every kind share: their geometry, a bias, and an activation in the end."""

    rank: ClassVar[int]
    words: ClassVar[tuple[str, ...]] = ("same", "valid")  # padding by name
    output_axes: ClassVar[tuple[int, ...]] = (-1,)  # of the kernel

    kernel_size: Ints
    strides: Ints
    padding: Padding
    dilation: Ints
    use_bias: bool
    kernel_initializer: str | Initializer
    bias_initializer: str | Initializer

    def __post_init__(self) -> None:
        self.check_activation()
        for argument in ("kernel_size", "strides", "dilation"):
            self.per_axis(argument)
        check_padding(type(self).__name__, self.padding, self.rank, self.words)

    def per_axis(self, argument: str, least: int = 1) -> tuple[int, ...]:
        return per_axis(type(self).__name__, argument, getattr(self, argument), self.rank, least)

    def channels(self, x: Tensor, groups: int = 1) -> int:
        require_spatial(type(self).__name__, x, self.rank)
        return require_groups(type(self).__name__, groups, channels=x.shape[-1])

    def convolve(self, x: Tensor, kernel: Tensor, groups: int) -> Tensor:
        window, strides, dilation = map(self.per_axis, ("kernel_size", "strides", "dilation"))
        name, sizes = type(self).__name__, x.shape[1:-1]
        padding = resolve_padding(name, self.padding, sizes, window, strides, dilation)
        y = ops.conv(x, kernel, strides=strides, padding=padding, dilation=dilation, groups=groups)
        return self.finish(y)

    def finish(self, y: Tensor) -> Tensor:
        if self.use_bias:
            y = y + self.parameter("bias", (y.shape[-1],), self.bias_initializer)
        return y


@dataclass(eq=False)
class Conv(Convolution):
    """What Conv1D, Conv2D and Conv3D share. activation: of y, by name or a function."""

    filters: int
    kernel_size: Ints
    strides: Ints = 1
    padding: Padding = "valid"
    dilation: Ints = 1
    groups: int = 1
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"
    activation: str | Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        name = type(self).__name__
        require_positive(name, filters=self.filters, groups=self.groups)
        super().__post_init__()
        require_groups(name, self.groups, filters=self.filters)

    def __call__(self, x: Tensor) -> Tensor:
        inside = self.channels(x, self.groups) // self.groups
        shape = (*self.per_axis("kernel_size"), inside, self.filters)
        kernel = self.parameter("kernel", shape, self.kernel_initializer)
        return self.convolve(x, kernel, self.groups)


@builtin()
class Conv1D(Conv):
    """Cross-correlation of (batch, length, channels) with a window, plus a bias.

    y[n, i, o] = b[o] + sum over a, c of x[n, i s + a d - p, c] K[a, c, o]

    padding: "valid", "same" (ceil(length / stride) outputs, the odd one after), "causal" (all of it
    before, so that no output sees what comes later), an int, or (before, after). torch has no
    "causal": its input is padded before the call. kernel (length, channels / groups, filters).
    """

    rank = 1
    words = ("same", "valid", "causal")


@builtin()
class Conv2D(Conv):
    """Cross-correlation of (batch, height, width, channels) with a window, plus a bias.

    y[n, i, j, o] = b[o] + sum over a, b, c of x[n, i s + a d - p, j s + b d - p, c] K[a, b, c, o]

    padding: "valid", "same" (ceil(size / stride) outputs; XLA's and TensorFlow's rule, the odd one
    after), an int, or (before, after) for each axis. torch refuses 'same' with a stride and puts no
    odd padding anywhere. kernel (height, width, channels / groups, filters); torch keeps it as
    (filters, channels / groups, height, width).
    """

    rank = 2


@builtin()
class Conv3D(Conv):
    """Cross-correlation of (batch, depth, height, width, channels) with a window, plus a bias.

    As Conv2D, with one more axis. kernel (depth, height, width, channels / groups, filters).
    """

    rank = 3
