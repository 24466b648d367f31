"""Convolution and reductions over sliding windows. Channels last: (batch, *spatial, channels)."""

from __future__ import annotations

from polydl.errors import ShapeError
from polydl.primitives.record import Type, primitive, require_dtype
from polydl.program.sizes import AnySize, Shape, same

Pair = tuple[int, int]


def _check_windows(
    name: str, rank: int, padding: tuple[Pair, ...], *positive: tuple[int, ...]
) -> None:
    """Strides, windows and dilations are positive and padding is not negative, one an axis."""
    whole = all(isinstance(v, int) and v > 0 for values in positive for v in values)
    sides = all(isinstance(v, int) and v >= 0 for pair in padding for v in pair)
    lengths = {rank, len(padding), *map(len, positive)}
    if not (whole and sides) or len(lengths) != 1 or any(len(pair) != 2 for pair in padding):
        raise ShapeError(
            f"{name} over {rank} axes: expected a positive number for each, and (before, after) of "
            f"padding; got {positive} and {padding}"
        )


def _window_count(name: str, size: AnySize, window: int, stride: int, pad: Pair) -> AnySize:
    room = size + pad[0] + pad[1] - window
    if isinstance(room, int) and room < 0:
        raise ShapeError(
            f"{name}: a window of {window} does not fit an axis of {size}, padding {pad}"
        )
    return room // stride + 1


def _check_kernel(name: str, rank: int, x: Type, kernel: Type, inputs: Shape, groups: int) -> None:
    """inputs: the size of the kernel's axis that meets the channels of each group."""
    require_dtype(name, x, "float")
    if len(x.shape) != rank + 2 or len(kernel.shape) != rank + 2:
        raise ShapeError(f"{name} over {rank} axes: got input {x} and kernel {kernel}")
    if not all(isinstance(size, int) for size in kernel.shape):
        raise ShapeError(f"{name}: a kernel's sizes must be known, got {kernel}")
    if not same(x.shape[-1], inputs[0] * groups):
        raise ShapeError(
            f"{name}: input {x} has {x.shape[-1]} channels, the kernel takes {inputs[0] * groups}"
        )


@primitive(
    "conv",
    "y[n, p, o] = sum over taps t and channels c of x[n, p*strides + t*dilation - pad, c] "
    "* kernel[t, c, o], within each group of channels",
    arity=2,
    strides=...,
    padding=...,
    dilation=...,
    groups=1,
)
def _conv(
    x: Type,
    kernel: Type,
    strides: tuple[int, ...],
    padding: tuple[Pair, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Type:
    rank = len(strides)
    _check_kernel("conv", rank, x, kernel, kernel.shape[-2:-1], groups)
    _check_windows("conv", rank, padding, strides, dilation)
    if groups < 1 or (isinstance(kernel.shape[-1], int) and kernel.shape[-1] % groups):
        raise ShapeError(f"conv: {groups} groups do not divide {kernel.shape[-1]} filters")
    spans = [(int(k) - 1) * d + 1 for k, d in zip(kernel.shape[:rank], dilation, strict=True)]
    spatial = [
        _window_count("conv", size, span, stride, pad)
        for size, span, stride, pad in zip(x.shape[1:-1], spans, strides, padding, strict=True)
    ]
    return Type((x.shape[0], *spatial, kernel.shape[-1]), "float")


@primitive(
    "conv_transpose",
    "y[n, p*strides + t*dilation - pad before, o] gathers x[n, p, c] * kernel[t, o, c] over all "
    "positions p, taps t and channels c, within each group: what conv with this kernel passes back "
    "to its input. padding is left out before and after; after may be negative: zeros that follow",
    arity=2,
    strides=...,
    padding=...,
    dilation=...,
    groups=1,
)
def _conv_transpose(
    x: Type,
    kernel: Type,
    strides: tuple[int, ...],
    padding: tuple[Pair, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Type:
    name, rank = "conv_transpose", len(strides)
    _check_kernel(name, rank, x, kernel, kernel.shape[-1:], 1)
    _check_windows(
        name, rank, tuple((low, max(high, 0)) for low, high in padding), strides, dilation
    )
    if any(-high >= stride for (_, high), stride in zip(padding, strides, strict=True)):
        raise ShapeError(f"{name}: padding {padding} adds a stride or more, of {strides}")
    channels = kernel.shape[-1]
    if groups < 1 or (isinstance(channels, int) and channels % groups):
        raise ShapeError(f"{name}: {groups} groups do not divide {channels} channels")
    spatial = []
    for size, taps, stride, step, (low, high) in zip(
        x.shape[1:-1], kernel.shape[:rank], strides, dilation, padding, strict=True
    ):
        count = (size - 1) * stride + (int(taps) - 1) * step + 1 - low - high
        if isinstance(count, int) and count < 1:
            raise ShapeError(f"{name}: padding {(low, high)} leaves nothing of an axis of {size}")
        spatial.append(count)
    return Type((x.shape[0], *spatial, kernel.shape[-2] * groups), "float")


def _pool(name: str, meaning: str, derivative: str = "") -> None:
    @primitive(name, meaning, derivative=derivative, window=..., strides=..., padding=...)
    def rule(
        x: Type, window: tuple[int, ...], strides: tuple[int, ...], padding: tuple[Pair, ...]
    ) -> Type:
        require_dtype(name, x, "float")
        if len(x.shape) != len(window) + 2:
            raise ShapeError(
                f"{name} over {len(window)} axes takes (batch, *spatial, channels), got {x}"
            )
        _check_windows(name, len(window), padding, window, strides)
        if any(side >= size for size, sides in zip(window, padding, strict=True) for side in sides):
            raise ShapeError(f"{name}: padding {padding} makes windows {window} of padding only")
        spatial = [
            _window_count(name, *each)
            for each in zip(x.shape[1:-1], window, strides, padding, strict=True)
        ]
        return Type((x.shape[0], *spatial, x.shape[-1]), x.dtype)


_pool("window_max", "the largest of each window; padding never wins", derivative="first among ties")
_pool("window_sum", "the sum of each window; padding counts as 0")
