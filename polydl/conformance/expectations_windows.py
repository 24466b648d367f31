"""Independent formulas of convolutions and pools: loops over positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]
Formula = Callable[[Weights, Array, bool], Array]
Pair = tuple[int, int]


def both(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value


def padding_of(padding: Any, size: int, span: int, stride: int, axis: int) -> Pair:
    """(before, after). "same": TensorFlow's rule, as its documentation has it."""
    if padding == "valid":
        return 0, 0
    if padding == "same":
        rest = size % stride
        total = max(span - stride, 0) if rest == 0 else max(span - rest, 0)
        return total // 2, total - total // 2
    if isinstance(padding, int):
        return padding, padding
    side = padding[axis]
    return (side, side) if isinstance(side, int) else side


def positions(
    x: Array, window: Pair, strides: Pair, dilation: Pair, padding: Any
) -> list[list[list[int]]]:
    """For each axis and output position: the input index of each tap, out of range where padded."""
    found = []
    for axis in (0, 1):
        size, count, stride, step = x.shape[1 + axis], window[axis], strides[axis], dilation[axis]
        span = (count - 1) * step + 1
        low, high = padding_of(padding, size, span, stride, axis)
        starts = range(-low, size + high - span + 1, stride)
        found.append([[start + step * tap for tap in range(count)] for start in starts])
    return found


def conv2d(
    strides: int | Pair = 1, padding: Any = "valid", dilation: int | Pair = 1, groups: int = 1
) -> Formula:
    def formula(w: Weights, x: Array, training: bool) -> Array:
        kernel = w["kernel"]
        window = (kernel.shape[0], kernel.shape[1])
        rows, columns = positions(x, window, both(strides), both(dilation), padding)
        filters, inside = kernel.shape[3], kernel.shape[2]
        y = np.zeros((len(x), len(rows), len(columns), filters))
        share = filters // groups
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                for a, r in enumerate(row):
                    for b, c in enumerate(column):
                        if 0 <= r < x.shape[1] and 0 <= c < x.shape[2]:
                            for g in range(groups):
                                seen = x[:, r, c, g * inside : (g + 1) * inside]
                                out = slice(g * share, (g + 1) * share)
                                y[:, i, j, out] += seen @ kernel[a, b, :, out]
        return y + w["bias"] if "bias" in w else y

    return formula


def pool2d(
    reduce: Callable[[Array], Array],
    pool_size: int | Pair,
    strides: int | Pair | None = None,
    padding: Any = "valid",
) -> Formula:
    """reduce: from a window's elements that are no padding, (count, batch, channels)."""

    def formula(w: Weights, x: Array, training: bool) -> Array:
        window = both(pool_size)
        rows, columns = positions(x, window, both(strides or pool_size), (1, 1), padding)
        y = np.zeros((len(x), len(rows), len(columns), x.shape[-1]))
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                seen = [
                    x[:, r, c]
                    for r in row
                    for c in column
                    if 0 <= r < x.shape[1] and 0 <= c < x.shape[2]
                ]
                y[:, i, j] = reduce(np.array(seen))
        return y

    return formula


def largest(seen: Array) -> Array:
    return seen.max(0)


def average(seen: Array) -> Array:
    return seen.mean(0)


def total(seen: Array) -> Array:
    return seen.sum(0)


def global_average(w: Weights, x: Array, training: bool) -> Array:
    return np.array([[channel.mean() for channel in np.moveaxis(s, -1, 0)] for s in x])
