"""What the tests of the oracle share: arrays, and formulas that share nothing with it."""

from __future__ import annotations

import itertools
import math

import numpy as np

from polydl.reference import evaluate_block
from polydl.spec.tracing import trace_function

INT_MIN, INT_MAX = -(2**31), 2**31 - 1


def rng(seed=0):
    return np.random.default_rng(seed)


def normal(*shape, seed=0):
    return rng(seed).normal(size=shape)


def int32(*values):
    return np.array(values, np.int32)


def evaluate(f, *arrays, seed=0):
    """f, a function of tensors, traced and run on the oracle; its only output."""
    kinds = {"f": "float", "i": "int", "b": "bool"}
    inputs = [(f"x{i}", a.shape, kinds[a.dtype.kind]) for i, a in enumerate(arrays)]
    (result,) = evaluate_block(trace_function("test", f, inputs, {}), arrays, rng=rng(seed))
    return result


def same(actual, expected, rtol=1e-13):
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    assert actual.dtype.kind == expected.dtype.kind
    if actual.dtype.kind == "f":
        assert actual.dtype == np.float64
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=1e-14)
    else:
        np.testing.assert_array_equal(actual, expected)


INTS = int32(-7, 0, 5, INT_MIN, INT_MAX, 123456789)


def each(f, *operands):
    """f of Python scalars, element by element with broadcasting."""
    arrays = np.broadcast_arrays(*operands)
    values = [f(*(x.item() for x in xs)) for xs in zip(*(a.flat for a in arrays), strict=True)]
    return np.array(values).reshape(arrays[0].shape)


def wrapped(f):
    """f of ints, on 32 bits in two's complement."""
    return lambda *xs: (f(*xs) + 2**31) % 2**32 - 2**31


def folded(f, x, axes, keepdims=False):
    """f of a list, over axes."""
    kept = [size for i, size in enumerate(x.shape) if i not in axes]
    rows = np.moveaxis(x, axes, range(-len(axes), 0)).reshape(math.prod(kept), -1)
    shape = [1 if i in axes else s for i, s in enumerate(x.shape)] if keepdims else kept
    return np.array([f(row.tolist()) for row in rows]).reshape(shape)


def conv_loops(x, kernel, strides, padding, dilation, groups=1):
    """The meaning of conv, tap by tap; outside x there is nothing to add."""
    rank, filters = len(strides), kernel.shape[-1]
    taps, inputs = kernel.shape[:rank], kernel.shape[rank]
    out = [
        (n + sum(p) - (t - 1) * d - 1) // s + 1
        for n, p, t, d, s in zip(x.shape[1:-1], padding, taps, dilation, strides, strict=True)
    ]
    y = np.zeros((x.shape[0], *out, filters))
    for n, *position, o in np.ndindex(*y.shape):
        first = o // (filters // groups) * inputs
        for tap in np.ndindex(*taps):
            steps = zip(position, strides, tap, dilation, padding, strict=True)
            at = [p * s + t * d - pad[0] for p, s, t, d, pad in steps]
            if all(0 <= i < size for i, size in zip(at, x.shape[1:-1], strict=True)):
                for c in range(inputs):
                    y[(n, *position, o)] += x[(n, *at, first + c)] * kernel[(*tap, c, o)]
    return y


def pool_loops(f, x, window, strides, padding):
    """f of the list of elements of each window that lie inside x."""
    sizes = x.shape[1:-1]
    out = [
        (n + sum(p) - w) // s + 1
        for n, p, w, s in zip(sizes, padding, window, strides, strict=True)
    ]
    y = np.zeros((x.shape[0], *out, x.shape[-1]))
    for n, *position, c in np.ndindex(*y.shape):
        starts = [p * s - pad[0] for p, s, pad in zip(position, strides, padding, strict=True)]
        ranges = [
            range(max(start, 0), min(start + w, size))
            for start, w, size in zip(starts, window, sizes, strict=True)
        ]
        y[(n, *position, c)] = f([x[(n, *at, c)] for at in itertools.product(*ranges)])
    return y
