"""Convolution and reductions over sliding windows, over any number of spatial axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polydl.errors import ShapeError

Array = np.ndarray[Any, Any]
Ints = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


def windows(
    x: Array, sizes: Ints, strides: Ints, padding: Pairs, dilation: Ints, fill: float
) -> Array:
    """Every window of channels-last x: (batch, *positions, channels, *taps).

    Positions lie `strides` apart and taps `dilation` apart; padding holds `fill`.
    """
    axes = tuple(range(1, x.ndim - 1))
    padded = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    spans = tuple((size - 1) * step + 1 for size, step in zip(sizes, dilation, strict=True))
    room = padded.shape[1:-1]
    if any(span > available for span, available in zip(spans, room, strict=True)):
        raise ShapeError(f"windows of {spans} do not fit {room}, padding included")
    every = np.lib.stride_tricks.sliding_window_view(padded, spans, axes)
    return every[(slice(None), *_steps(strides), slice(None), *_steps(dilation))]


def _steps(steps: Sequence[int]) -> list[slice]:
    return [slice(None, None, step) for step in steps]


def conv(
    x: Array, kernel: Array, strides: Ints, padding: Pairs, dilation: Ints, groups: int = 1
) -> Array:
    """Cross-correlation; output group g sees the g-th share of the input channels."""
    rank = len(strides)
    taps = kernel.shape[:rank]
    seen = windows(x, taps, strides, padding, dilation, fill=0.0)
    batch, channel, filters = 0, 1 + rank, 2 * rank + 2  # einsum names axes by number
    position = list(range(1, 1 + rank))
    tap = list(range(2 + rank, 2 + 2 * rank))
    parts = [
        np.einsum(
            group, [batch, *position, channel, *tap],
            weights, [*tap, channel, filters],
            [batch, *position, filters],
            optimize=True,
        )
        for group, weights in zip(
            np.split(seen, groups, axis=channel), np.split(kernel, groups, axis=-1), strict=True
        )
    ]  # fmt: skip
    return np.concatenate(parts, axis=-1)


def conv_transpose(
    x: Array, kernel: Array, strides: Ints, padding: Pairs, dilation: Ints, groups: int = 1
) -> Array:
    """Each input adds its window to the outputs; output group g sees the g-th share of channels."""
    rank = len(strides)
    taps, each = kernel.shape[:rank], kernel.shape[-2]
    sizes = [
        (size - 1) * stride + (count - 1) * step + 1
        for size, stride, count, step in zip(x.shape[1:-1], strides, taps, dilation, strict=True)
    ]
    room = [size + max(-high, 0) for size, (_, high) in zip(sizes, padding, strict=True)]
    y = np.zeros((len(x), *room, groups * each))
    share = kernel.shape[-1] // groups
    for tap in np.ndindex(*taps):
        place = tuple(
            slice(t * step, t * step + (size - 1) * stride + 1, stride)
            for t, step, size, stride in zip(tap, dilation, x.shape[1:-1], strides, strict=True)
        )
        for g in range(groups):
            seen = slice(g * share, (g + 1) * share)
            y[(slice(None), *place, slice(g * each, (g + 1) * each))] += (
                x[..., seen] @ kernel[tap][:, seen].T
            )
    kept = tuple(
        slice(low, size - max(high, 0)) for size, (low, high) in zip(room, padding, strict=True)
    )
    return y[(slice(None), *kept)]


def window_max(x: Array, window: Ints, strides: Ints, padding: Pairs) -> Array:
    """The largest of each window; padding is -inf."""
    seen = windows(x, window, strides, padding, (1,) * len(window), fill=-np.inf)
    return np.max(seen, axis=_last(len(window)))


def window_sum(x: Array, window: Ints, strides: Ints, padding: Pairs) -> Array:
    """The sum of each window; padding is 0."""
    seen = windows(x, window, strides, padding, (1,) * len(window), fill=0.0)
    return np.sum(seen, axis=_last(len(window)))


def _last(count: int) -> Ints:
    return tuple(range(-count, 0))


WINDOWS: dict[str, Callable[..., Any]] = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "window_max": window_max,
    "window_sum": window_sum,
}
