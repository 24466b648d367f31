"""Independent formulas of convolutions and pools over any number of axes: loops over positions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]
Formula = Callable[[Weights, Array, bool], Array]
Reduce = Callable[[Array], Array]
Index = tuple[int, ...]


def at(*index: Any) -> Any:
    """An index into (batch, *spatial, channels) at one place, or at one place and some channels."""
    return (slice(None), *index)


def each(value: Any, rank: int) -> tuple[int, ...]:
    """One value for each axis."""
    return value if isinstance(value, tuple) else (value,) * rank


def sides_of(padding: Any, rank: int) -> Any:
    """Of one axis (before, after) may be given without a tuple around it."""
    return (padding,) if rank == 1 and isinstance(padding, tuple) and len(padding) == 2 else padding


def padding_of(padding: Any, size: int, span: int, stride: int, axis: int) -> tuple[int, int]:
    """(before, after). "same": TensorFlow's rule, as its documentation has it."""
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return span - 1, 0
    if padding == "same":
        rest = size % stride
        total = max(span - stride, 0) if rest == 0 else max(span - rest, 0)
        return total // 2, total - total // 2
    if isinstance(padding, int):
        return padding, padding
    side = padding[axis]
    return (side, side) if isinstance(side, int) else side


def windows(
    sizes: Index, window: Index, strides: Any, padding: Any, dilation: Any = 1
) -> tuple[Index, Iterator[tuple[Index, Index, Index]]]:
    """How many positions there are, and each with every tap of its window and the index it sees.

    Taps that see padding are left out.
    """
    rank = len(sizes)
    along: list[list[list[tuple[int, int]]]] = []
    padding = sides_of(padding, rank)
    for axis, (size, count) in enumerate(zip(sizes, window, strict=True)):
        stride, step = each(strides, rank)[axis], each(dilation, rank)[axis]
        span = (count - 1) * step + 1
        low, high = padding_of(padding, size, span, stride, axis)
        starts = range(-low, size + high - span + 1, stride)
        seen = [[(tap, start + step * tap) for tap in range(count)] for start in starts]
        along.append([[pair for pair in taps if 0 <= pair[1] < size] for taps in seen])

    def every() -> Iterator[tuple[Index, Index, Index]]:
        for position in itertools.product(*(range(len(axis)) for axis in along)):
            taps = [axis[p] for axis, p in zip(along, position, strict=True)]
            for chosen in itertools.product(*taps):
                yield position, tuple(t for t, _ in chosen), tuple(i for _, i in chosen)

    return tuple(map(len, along)), every()


def conv(
    strides: Any = 1, padding: Any = "valid", dilation: Any = 1, groups: int = 1, **_: Any
) -> Formula:
    def formula(w: Weights, x: Array, training: bool) -> Array:
        *window, inside, filters = w["kernel"].shape
        counts, every = windows(x.shape[1:-1], tuple(window), strides, padding, dilation)
        y = np.zeros((len(x), *counts, filters))
        share = filters // groups
        for position, tap, index in every:
            for g in range(groups):
                seen = x[at(*index, slice(g * inside, (g + 1) * inside))]
                out = slice(g * share, (g + 1) * share)
                y[at(*position, out)] += seen @ w["kernel"][tap][:, out]
        return y + w["bias"] if "bias" in w else y

    return formula


def depthwise(**options: Any) -> Formula:
    """Channel by channel, each a convolution of its own."""

    def formula(w: Weights, x: Array, training: bool) -> Array:
        alone = conv(**options)
        parts = [
            alone({"kernel": w["kernel"][:, :, c, None, :]}, x[..., c, None], training)
            for c in range(x.shape[-1])
        ]
        y = np.concatenate(parts, -1)
        return y + w["bias"] if "bias" in w else y

    return formula


def separable(**options: Any) -> Formula:
    def formula(w: Weights, x: Array, training: bool) -> Array:
        h = depthwise(**options)({"kernel": w["depthwise.kernel"]}, x, training)
        y = np.einsum("nijc,co->nijo", h, w["pointwise.kernel"][0, 0])
        return y + w["pointwise.bias"] if "pointwise.bias" in w else y

    return formula


def conv_transpose(
    strides: Any = 1, padding: Any = "valid", output_padding: Any = 0, dilation: Any = 1,
    groups: int = 1, **_: Any,
) -> Formula:  # fmt: skip
    """What a convolution with the same kernel would pass back: each window's sum, turned round.

    The size of the outputs: of "same", the largest whose convolution has this size; else torch's
    (n - 1) stride - padding + dilation (window - 1) + output_padding + 1.
    """

    def formula(w: Weights, x: Array, training: bool) -> Array:
        *window, inside, channels = w["kernel"].shape
        rank, share = len(window), channels // groups
        sizes, lows = [], []
        pads = sides_of(padding, rank)
        for axis, (n, count) in enumerate(zip(x.shape[1:-1], window, strict=True)):
            stride, span = each(strides, rank)[axis], (count - 1) * each(dilation, rank)[axis] + 1
            low, high = padding_of(pads, n * stride, span, stride, axis)
            more = each(output_padding, rank)[axis]
            size = (n - 1) * stride - low - high + span + more
            sizes.append(n * stride if padding == "same" else size)
            lows.append(low)
        y = np.zeros((len(x), *sizes, inside * groups))
        for p in np.ndindex(*x.shape[1:-1]):
            for tap in np.ndindex(*window):
                place = tuple(
                    i * each(strides, rank)[a] + t * each(dilation, rank)[a] - lows[a]
                    for a, (i, t) in enumerate(zip(p, tap, strict=True))
                )
                if all(0 <= i < size for i, size in zip(place, sizes, strict=True)):
                    for g in range(groups):
                        seen = x[at(*p, slice(g * share, (g + 1) * share))]
                        kernel = w["kernel"][tap][:, g * share : (g + 1) * share]
                        out = slice(g * inside, (g + 1) * inside)
                        y[at(*place, out)] += np.einsum("nc,oc->no", seen, kernel)
        return y + w["bias"] if "bias" in w else y

    return formula


def pool(
    reduce: Reduce,
    pool_size: Any = 2,
    strides: Any = None,
    padding: Any = "valid",
    count_padding: bool = False,
) -> Formula:
    """reduce: from a window's elements that are no padding, (count, batch, channels)."""

    def formula(w: Weights, x: Array, training: bool) -> Array:
        window = each(pool_size, x.ndim - 2)
        counts, every = windows(x.shape[1:-1], window, strides or pool_size, padding)
        seen: dict[Index, list[Array]] = {}
        for position, _, index in every:
            seen.setdefault(position, []).append(x[at(*index)])
        y = np.zeros((len(x), *counts, x.shape[-1]))
        for position, values in seen.items():
            missing = int(np.prod(window)) - len(values) if count_padding else 0
            zeros = [np.zeros_like(values[0])] * missing
            y[at(*position)] = reduce(np.array(values + zeros))
        return y

    return formula


def adaptive(reduce: Reduce, output_size: Any) -> Formula:
    """Bin i of n holds the elements that the i-th n-th of the axis touches."""

    def formula(w: Weights, x: Array, training: bool) -> Array:
        counts = each(output_size, x.ndim - 2)
        y = np.zeros((len(x), *counts, x.shape[-1]))
        for position in np.ndindex(*counts):
            bins = [
                [j for j in range(size) if j * n < (i + 1) * size and (j + 1) * n > i * size]
                for i, n, size in zip(position, counts, x.shape[1:-1], strict=True)
            ]
            values = [x[at(*index)] for index in itertools.product(*bins)]
            y[at(*position)] = reduce(np.array(values))
        return y

    return formula


def whole(reduce: Reduce) -> Formula:
    """Of all positions together."""
    return lambda w, x, training: reduce(np.moveaxis(x.reshape(len(x), -1, x.shape[-1]), 1, 0))


def largest(seen: Array) -> Array:
    return seen.max(0)


def average(seen: Array) -> Array:
    return seen.mean(0)


def total(seen: Array) -> Array:
    return seen.sum(0)
