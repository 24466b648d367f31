"""The oracle's convolutions and pooling against plain loops and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.signal
from reference_helpers import conv_loops, evaluate, normal, pool_loops, same

from polydl import ops

CONVS = [
    # input sizes, kernel sizes, strides, padding, dilation, groups
    ((2, 7, 3), (3, 3, 4), (1,), ((0, 0),), (1,), 1),
    ((2, 9, 2), (3, 2, 5), (2,), ((2, 1),), (3,), 1),
    ((2, 5, 6, 3), (2, 3, 3, 4), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ((1, 7, 8, 4), (3, 2, 2, 6), (2, 3), ((1, 2), (0, 1)), (2, 1), 2),
    ((1, 6, 5, 3), (3, 3, 1, 6), (1, 2), ((1, 1), (1, 1)), (1, 2), 3),
    ((1, 5, 5, 2), (1, 1, 2, 3), (3, 2), ((0, 0), (0, 0)), (1, 1), 1),
    ((1, 4, 5, 4, 2), (2, 3, 2, 1, 4), (2, 1, 1), ((1, 0), (1, 1), (0, 0)), (1, 1, 2), 2),
    ((0, 5, 5, 2), (3, 3, 2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
]


@pytest.mark.parametrize(("size", "kernel", "strides", "padding", "dilation", "groups"), CONVS)
def test_conv_against_loops(size, kernel, strides, padding, dilation, groups):
    x, k = normal(*size, seed=1), normal(*kernel, seed=2)
    geometry = {"strides": strides, "padding": padding, "dilation": dilation}
    actual = evaluate(lambda x, k: ops.conv(x, k, **geometry, groups=groups), x, k)
    same(actual, conv_loops(x, k, groups=groups, **geometry))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_conv_against_scipy(rank):
    x, k = normal(2, *(6, 7, 5)[:rank], 3, seed=1), normal(*(3, 2, 2)[:rank], 3, 4, seed=2)
    geometry = {"strides": (1,) * rank, "padding": ((0, 0),) * rank, "dilation": (1,) * rank}
    actual = evaluate(lambda x, k: ops.conv(x, k, **geometry), x, k)
    for n, o in np.ndindex(2, 4):
        maps = [
            scipy.signal.correlate(x[n, ..., c], k[..., c, o], mode="valid", method="direct")
            for c in range(3)
        ]
        same(actual[n, ..., o], sum(maps))


POOLS = [
    ((2, 7, 3), (3,), (2,), ((0, 0),)),
    ((2, 6, 7, 2), (2, 3), (2, 1), ((0, 0), (0, 0))),
    ((1, 5, 6, 2), (3, 2), (2, 2), ((1, 2), (0, 1))),
    ((1, 4, 5, 4, 2), (2, 3, 2), (1, 2, 2), ((1, 0), (1, 1), (0, 0))),
]


@pytest.mark.parametrize(("size", "window", "strides", "padding"), POOLS)
@pytest.mark.parametrize(("pool", "f"), [(ops.window_max, max), (ops.window_sum, math.fsum)])
def test_windows_against_loops(pool, f, size, window, strides, padding):
    x = normal(*size) - 5.0  # all below 0: padding must not win
    actual = evaluate(lambda x: pool(x, window=window, strides=strides, padding=padding), x)
    same(actual, pool_loops(f, x, window, strides, padding))
