from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from polydl import ops
from polydl.errors import DefinitionError
from polydl.layers.checks import require_groups, require_positive
from polydl.layers.conv import Convolution
from polydl.layers.geometry import Ints, Padding, resolve_transposed_padding
from polydl.program.types import Initializer
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@dataclass(eq=False)
class ConvTranspose(Convolution):
    """What ConvTranspose1D, ConvTranspose2D and ConvTranspose3D share. activation: as of Conv2D."""

    output_axes = (-2,)

    filters: int
    kernel_size: Ints
    strides: Ints = 1
    padding: Padding = "valid"
    output_padding: Ints = 0
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
        more, strides = self.per_axis("output_padding", least=0), self.per_axis("strides")
        if any(extra >= stride for extra, stride in zip(more, strides, strict=True)):
            raise DefinitionError(
                f"{name}: output_padding {self.output_padding} must be below the strides "
                f"{self.strides}; from there on the outputs would be a bias only"
            )
        if any(more) and self.padding == "same":
            raise DefinitionError(
                f"{name}: padding 'same' gives size * stride outputs and takes no output_padding. "
                "Give padding as numbers"
            )

    def __call__(self, x: Tensor) -> Tensor:
        name, channels = type(self).__name__, self.channels(x, self.groups)
        window, strides, dilation = map(self.per_axis, ("kernel_size", "strides", "dilation"))
        shape = (*window, self.filters // self.groups, channels)
        kernel = self.parameter("kernel", shape, self.kernel_initializer)
        more = self.per_axis("output_padding", least=0)
        padding = resolve_transposed_padding(name, self.padding, more, window, strides, dilation)
        y = ops.conv_transpose(
            x, kernel, strides=strides, padding=padding, dilation=dilation, groups=self.groups
        )
        return self.finish(y)


@builtin()
class ConvTranspose1D(ConvTranspose):
    """Transposed convolution of (batch, length, channels), plus a bias. See ConvTranspose2D.

    kernel (length, filters / groups, channels).
    """

    rank = 1


@builtin()
class ConvTranspose2D(ConvTranspose):
    """Transposed convolution of (batch, height, width, channels), plus a bias.

    Each x[n, i, j] adds a window of sum over c of x[n, i, j, c] K[a, b, o, c] to y at
    (i s + a d - p, j s + b d - p): the derivative of Conv2D with this kernel by its input. So its
    kernel is that of the convolution it transposes, (height, width, filters / groups, channels), as
    in Keras and in Flax with transpose_kernel=True; torch keeps (channels, filters / groups,
    height, width).

    padding is left out of the (size - 1) stride + (window - 1) dilation + 1 outputs: an int, or
    (before, after) for each axis, as in torch. "valid": none (Keras and Flax add zeros up to the
    stride where the window is shorter). "same": size * stride outputs, the odd one left out after,
    as in Keras and Flax; torch's padding with output_padding leaves it out before.
    output_padding adds outputs after. activation: of y, by name or a function.
    """

    rank = 2


@builtin()
class ConvTranspose3D(ConvTranspose):
    """Transposed convolution of (batch, depth, height, width, channels), plus a bias.

    As ConvTranspose2D, with one more axis.
    """

    rank = 3
