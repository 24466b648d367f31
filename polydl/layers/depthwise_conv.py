from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl import ops
from polydl.layers.activation import Activated
from polydl.layers.checks import require_positive
from polydl.layers.conv import Conv2D, Convolution
from polydl.layers.geometry import Ints, Padding
from polydl.program.types import Initializer
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class DepthwiseConv2D(Convolution):
    """Conv2D in which each channel is seen by depth_multiplier filters of its own, plus a bias.

    y[n, i, j, c m + k] = b[c m + k] + sum over a, b of x[n, i s + a d - p, j s + b d - p, c]
    K[a, b, c, k] for k = 0, ..., m - 1. Howard et al. 2017 (MobileNets).

    kernel (height, width, channels, m), as in Keras; torch and Flax write a convolution with as many
    groups as channels, whose kernel has c m + k on one axis. activation: of y, by name or a function.
    """

    rank = 2
    output_axes = (-2, -1)

    kernel_size: Ints
    depth_multiplier: int = 1
    strides: Ints = 1
    padding: Padding = "valid"
    dilation: Ints = 1
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"
    activation: str | Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        require_positive("DepthwiseConv2D", depth_multiplier=self.depth_multiplier)
        super().__post_init__()

    def __call__(self, x: Tensor) -> Tensor:
        window, channels = self.per_axis("kernel_size"), self.channels(x)
        shape = (*window, channels, self.depth_multiplier)
        kernel = self.parameter("kernel", shape, self.kernel_initializer)
        kernel = ops.reshape(kernel, (*window, 1, channels * self.depth_multiplier))
        return self.convolve(x, kernel, channels)


@builtin()
class SeparableConv2D(Activated):
    """DepthwiseConv2D without a bias, then a Conv2D of 1 x 1. Chollet 2017 (Xception).

    The two are modules of their own: depthwise.kernel (height, width, channels, m) and
    pointwise.kernel (1, 1, channels m, filters), pointwise.bias. Keras has one layer for both;
    torch and Flax have none. activation: of y, by name or a function.
    """

    filters: int
    kernel_size: Ints
    strides: Ints = 1
    padding: Padding = "valid"
    dilation: Ints = 1
    depth_multiplier: int = 1
    use_bias: bool = True
    depthwise_initializer: str | Initializer = "glorot_uniform"
    pointwise_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"
    activation: str | Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        self.check_activation()
        require_positive("SeparableConv2D", filters=self.filters)
        self.depthwise = DepthwiseConv2D(
            self.kernel_size, self.depth_multiplier, self.strides, self.padding, self.dilation,
            use_bias=False, kernel_initializer=self.depthwise_initializer,
        )  # fmt: skip
        self.pointwise = Conv2D(
            self.filters, 1, use_bias=self.use_bias,
            kernel_initializer=self.pointwise_initializer, bias_initializer=self.bias_initializer,
        )  # fmt: skip

    def __call__(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))
