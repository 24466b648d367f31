"""The oracle against formulas that share nothing with it: scipy, plain loops, the math module."""

from __future__ import annotations

import dataclasses
import itertools
import math
import operator

import numpy as np
import pytest
import scipy.signal
import scipy.special
import scipy.stats

import polydl as dl
from polydl import functions, layers, losses, metrics, ops, optimizers
from polydl import random as portable
from polydl.errors import DataError, DTypeError, ProgramError, ShapeError, WeightsError
from polydl.primitives import PRIMITIVES
from polydl.program.binding import bind_sizes
from polydl.program.sizes import Size
from polydl.program.types import Program
from polydl.reference import Held, Interpreter, evaluate_block
from polydl.reference.gradients import (
    check_direction,
    directional_derivative,
    project,
    random_direction,
)
from polydl.reference.optimizers import initial_slots, update
from polydl.reference.primitives import REFERENCE
from polydl.spec.apply import apply
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


# --- primitives ---------------------------------------------------------------------------------


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


X, Y = normal(3, 4, seed=1), normal(1, 4, seed=2)
ROOMY = np.abs(X) + 0.1
VOLUME = normal(2, 3, 4, seed=3)
INTS = int32(-7, 0, 5, INT_MIN, INT_MAX, 123456789)
OTHER = int32(3, -2, 5, INT_MAX, INT_MAX, 987654321)
BOOLS, OTHER_BOOLS = np.array([[True], [False]]), np.array([True, False])

UNARY = [
    ("negative", X, operator.neg),
    ("negative", INTS, wrapped(operator.neg)),
    ("absolute", X, abs),
    ("absolute", INTS, wrapped(abs)),
    ("exp", X, math.exp),
    ("log", ROOMY, math.log),
    ("sqrt", ROOMY, math.sqrt),
    ("rsqrt", ROOMY, lambda x: 1 / math.sqrt(x)),
    ("tanh", X, math.tanh),
    ("erf", X, lambda x: float(scipy.special.erf(x))),
    ("logical_not", BOOLS, operator.not_),
    ("stop_gradient", X, lambda x: x),
]
BINARY = [
    ("add", X, Y, operator.add),
    ("add", INTS, OTHER, wrapped(operator.add)),
    ("subtract", X, Y, operator.sub),
    ("subtract", INTS, OTHER, wrapped(operator.sub)),
    ("multiply", X, Y, operator.mul),
    ("multiply", INTS, OTHER, wrapped(operator.mul)),
    ("divide", X, Y, operator.truediv),
    ("power", ROOMY, Y, operator.pow),
    ("maximum", X, Y, max),
    ("maximum", INTS, OTHER, max),
    ("minimum", X, Y, min),
    ("minimum", INTS, OTHER, min),
    ("greater", INTS, OTHER, operator.gt),
    ("greater_equal", INTS, OTHER, operator.ge),
    ("less", INTS, OTHER, operator.lt),
    ("less_equal", INTS, OTHER, operator.le),
    ("equal", INTS, OTHER, operator.eq),
    ("not_equal", INTS, OTHER, operator.ne),
    ("greater", X, Y, operator.gt),
    ("less", X, Y, operator.lt),
    ("logical_and", BOOLS, OTHER_BOOLS, operator.and_),
    ("logical_or", BOOLS, OTHER_BOOLS, operator.or_),
    ("bitwise_and", INTS, OTHER, operator.and_),
    ("bitwise_xor", INTS, OTHER, operator.xor),
]
CASES = [
    *((op, (x,), {}, each(f, x)) for op, x, f in UNARY),
    *((op, (a, b), {}, each(f, a, b)) for op, a, b, f in BINARY),
    *(
        ("shift_right_logical", (INTS,), {"bits": bits},
         each(wrapped(lambda x, bits=bits: (x % 2**32) >> bits), INTS))
        for bits in (1, 8, 31)
    ),
    ("where", (np.array([[True], [False], [True]]), X, Y), {}, np.array([X[0], Y[0], X[2]])),
    ("astype", (np.array([-1.7, -0.2, 0.0, 2.9]),), {"dtype": "int"}, int32(-1, 0, 0, 2)),
    ("astype", (np.array([-1.7, 0.0]),), {"dtype": "bool"}, np.array([True, False])),
    ("astype", (int32(-3, 0),), {"dtype": "float"}, np.array([-3.0, 0.0])),
    ("astype", (int32(-3, 0),), {"dtype": "bool"}, np.array([True, False])),
    ("astype", (OTHER_BOOLS,), {"dtype": "int"}, int32(1, 0)),
    ("astype", (OTHER_BOOLS,), {"dtype": "float"}, np.array([1.0, 0.0])),
    ("sum", (VOLUME,), {"axis": (0, 2)}, folded(math.fsum, VOLUME, (0, 2))),
    ("sum", (VOLUME,), {"axis": -2, "keepdims": True}, folded(math.fsum, VOLUME, (1,), True)),
    ("sum", (INTS,), {}, np.int32(wrapped(sum)(INTS.tolist()))),
    ("mean", (VOLUME,), {"axis": (0, 1)}, folded(lambda v: math.fsum(v) / 6, VOLUME, (0, 1))),
    ("max", (VOLUME,), {"axis": (1, 2)}, folded(max, VOLUME, (1, 2))),
    ("max", (INTS,), {}, np.int32(INT_MAX)),
    ("max", (VOLUME,), {"axis": 0, "keepdims": True}, folded(max, VOLUME, (0,), True)),
    ("mean", (VOLUME,), {"axis": -1, "keepdims": True}, folded(np.mean, VOLUME, (2,), True)),
    ("min", (VOLUME,), {"axis": -1, "keepdims": True}, folded(min, VOLUME, (2,), True)),
    ("argmax", (int32(4, 9, 9, 1).reshape(1, 4),), {}, int32(1)),
    ("argmax", (VOLUME,), {"axis": 1}, folded(lambda v: v.index(max(v)), VOLUME, (1,))),
    ("matmul", (VOLUME, normal(4, 5)), {},
     np.array([[[math.fsum(VOLUME[b, i] * normal(4, 5)[:, j]) for j in range(5)]
                for i in range(3)] for b in range(2)])),
    ("reshape", (VOLUME,), {"shape": (4, 6)}, np.array(list(VOLUME.flat)).reshape(4, 6)),
    ("transpose", (VOLUME,), {"axes": (2, 0, 1)},
     np.array([[[VOLUME[a, b, c] for b in range(3)] for a in range(2)] for c in range(4)])),
    ("broadcast_to", (Y,), {"shape": (2, 3, 4)}, np.array([[Y[0]] * 3] * 2)),
    ("concatenate", (X, ROOMY[:2]), {"axis": 0}, np.array([*X, *ROOMY[:2]])),
    ("index", (VOLUME,), {"index": (-1, (0, None, 2))}, np.array([VOLUME[1, 0], VOLUME[1, 2]])),
    ("index", (INTS,), {"index": ((-3, -1, None),)}, int32(INT_MIN, INT_MAX)),
    ("pad", (INTS[:2],), {"widths": ((1, 2),), "value": 0.0}, int32(0, -7, 0, 0, 0)),
    ("pad", (np.ones((1, 1)),), {"widths": ((0, 1), (1, 0)), "value": 7.0},
     np.array([[7.0, 1.0], [7.0, 7.0]])),
    ("take", (X, int32(2, 0, -1, 99).reshape(2, 2)), {}, np.array([[X[2], X[0]], [X[0], X[2]]])),
    ("take_along_axis", (X, int32(3, 0, 1).reshape(3, 1)), {"axis": -1},
     np.array([[X[0, 3]], [X[1, 0]], [X[2, 1]]])),
    ("take_along_axis", (X, int32(2, 1, 0, 2).reshape(1, 4)), {"axis": 0},
     np.array([[X[2, 0], X[1, 1], X[0, 2], X[2, 3]]])),
    ("arange", (), {"size": 4}, int32(0, 1, 2, 3)),
    ("full", (), {"shape": (2, 1), "value": 3, "dtype": "int"}, int32(3, 3).reshape(2, 1)),
    ("full", (), {"shape": (2,), "value": 0.5}, np.array([0.5, 0.5])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("op", "operands", "attributes", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_primitive(op, operands, attributes, expected):
    actual = evaluate(lambda *tensors: apply(op, *tensors, **attributes), *operands)
    same(actual, expected)


def test_every_primitive_has_a_meaning_and_a_test():
    assert set(REFERENCE) == set(PRIMITIVES)
    elsewhere = {"conv", "window_max", "window_sum", "random_bits"}
    assert {case[0] for case in CASES} | elsewhere == set(PRIMITIVES)


def test_integers_wrap_around_without_a_warning():
    with np.errstate(all="raise"):
        for op in ("add", "subtract", "multiply"):
            REFERENCE[op](np.asarray(INT_MAX, np.int32), np.asarray(-1, np.int32))
            REFERENCE[op](INTS, OTHER)
        REFERENCE["sum"](INTS)


def test_erf_is_right_to_the_last_places():
    x = np.linspace(-7, 7, 5001)
    actual, expected = evaluate(ops.erf, x), scipy.special.erf(x)
    assert np.all(np.abs(actual - expected) <= 2 * np.spacing(np.abs(expected)))
    assert evaluate(ops.erf, np.zeros((0, 3))).shape == (0, 3)


def test_python_numbers_are_operands():
    same(evaluate(lambda x: 1 - 2 * x, X), 1.0 - 2.0 * X)
    same(evaluate(lambda i: i * -3 + 1, INTS), each(wrapped(lambda i: i * -3 + 1), INTS))
    with pytest.raises(DTypeError, match="beyond int32"):
        evaluate(lambda i: i * 2**31, INTS)


def test_random_bits_are_the_generators_and_new_at_each_call():
    draw = lambda: ops.random_bits((10_000,))
    two = evaluate(lambda: ops.concatenate([draw(), draw()]))
    first, second = np.split(two, 2)
    assert two.dtype == np.int32
    assert not np.array_equal(first, second)
    assert np.mean(two < 0) == pytest.approx(0.5, abs=0.02)
    assert two.min() < -2.1e9
    assert two.max() > 2.1e9
    same(evaluate(draw), first)


# --- windows ------------------------------------------------------------------------------------


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


# --- layers, functions, losses, metrics, optimizers ---------------------------------------------


def run(model, *arrays, training=False, seed=0):
    """(outputs, weights before, state after) of a model on the oracle, weights at random."""
    inputs = tuple(
        dl.Input((None, *a.shape[1:]), dtype="int" if a.dtype.kind == "i" else "float")
        for a in arrays
    )
    program = dl.trace(model, inputs)
    draw = rng(seed + 100)
    weights = {path: draw.uniform(0.5, 1.5, e.shape) for path, e in program.entries.items()}
    outputs, state = Interpreter(program).run(weights, arrays, training, rng(seed))
    return outputs[0], weights, state


def same_padding(sizes, window, strides, dilation=(1, 1)):
    """TensorFlow's and XLA's rule: ceil(size / stride) outputs, the odd one after."""
    pairs = []
    for n, w, s, d in zip(sizes, window, strides, dilation, strict=True):
        total = max((math.ceil(n / s) - 1) * s + (w - 1) * d + 1 - n, 0)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


IMAGE = normal(2, 7, 6, 4, seed=5)
FEATURES = normal(3, 5, 4, seed=6)
WORDS = int32(0, 4, 2, 1, 9, -1).reshape(2, 3)


def mean_of(values):
    return math.fsum(values) / len(values)


def channel_norm(w, x):
    deviation = np.sqrt(w["variance"] + 1e-3)
    return (x - w["mean"]) / deviation * w["scale"] + w["bias"]


def layer_norm(w, x):
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-3)
    return (x - x.mean(axis=-1, keepdims=True)) / deviation * w["scale"] + w["bias"]


LAYERS = [
    (dl.Dense(6), FEATURES, lambda w, x: np.einsum("bti,io->bto", x, w["kernel"]) + w["bias"]),
    (dl.Dense(2, use_bias=False), FEATURES, lambda w, x: np.einsum("bti,io->bto", x, w["kernel"])),
    (dl.Conv2D(3, 3), IMAGE,
     lambda w, x: conv_loops(x, w["kernel"], (1, 1), ((0, 0),) * 2, (1, 1)) + w["bias"]),
    (dl.Conv2D(4, (3, 2), strides=(2, 3), padding="same", groups=2, use_bias=False), IMAGE,
     lambda w, x: conv_loops(
         x, w["kernel"], (2, 3), same_padding((7, 6), (3, 2), (2, 3)), (1, 1), 2)),
    (dl.Conv2D(2, (2, 3), padding="same", dilation=(3, 1)), IMAGE,
     lambda w, x: w["bias"] + conv_loops(
         x, w["kernel"], (1, 1), same_padding((7, 6), (2, 3), (1, 1), (3, 1)), (3, 1))),
    (dl.Conv2D(2, 3, strides=2, padding=(1, (0, 2))), IMAGE,
     lambda w, x: conv_loops(x, w["kernel"], (2, 2), ((1, 1), (0, 2)), (1, 1)) + w["bias"]),
    (dl.MaxPool2D(), IMAGE, lambda w, x: pool_loops(max, x, (2, 2), (2, 2), ((0, 0),) * 2)),
    (dl.MaxPool2D(3, strides=(2, 1), padding="same"), IMAGE - 5.0,
     lambda w, x: pool_loops(max, x, (3, 3), (2, 1), same_padding((7, 6), (3, 3), (2, 1)))),
    (dl.AvgPool2D((3, 2)), IMAGE,
     lambda w, x: pool_loops(mean_of, x, (3, 2), (3, 2), ((0, 0),) * 2)),
    (dl.AvgPool2D(3, strides=2, padding="same"), IMAGE,
     lambda w, x: pool_loops(mean_of, x, (3, 3), (2, 2), same_padding((7, 6), (3, 3), (2, 2)))),
    (dl.GlobalAvgPool2D(), IMAGE, lambda w, x: folded(mean_of, x, (1, 2))),
    (dl.Flatten(), IMAGE, lambda w, x: np.array([list(image.flat) for image in x])),
    (dl.Embedding(5, 3), WORDS,
     lambda w, x: np.array([[w["table"][min(max(i, 0), 4)] for i in row] for row in x])),
    (dl.LayerNorm(1e-3), FEATURES, layer_norm),
    (dl.RMSNorm(1e-3), FEATURES,
     lambda w, x: x / np.sqrt(np.square(x).sum(-1, keepdims=True) / 4 + 1e-3) * w["scale"]),
    (dl.BatchNorm(epsilon=1e-3), FEATURES, channel_norm),
    (dl.Dropout(0.3), FEATURES, lambda w, x: x),
]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "x", "expected"), LAYERS, ids=[type(row[0]).__name__ for row in LAYERS]
)
def test_layer(layer, x, expected):
    y, weights, _ = run(layer, x)
    same(y, expected(weights, x))


@pytest.mark.parametrize("x", [normal(64, 3), normal(8, 5, 4, 3)], ids=["rows", "images"])
def test_batch_norm_in_training_uses_the_batch_and_moves_the_running_values(x):
    y, w, state = run(dl.BatchNorm(momentum=0.8, epsilon=1e-3), x, training=True)
    rows = x.reshape(-1, 3)
    mean, variance = rows.mean(0), ((rows - rows.mean(0)) ** 2).sum(0) / len(rows)  # biased
    same(y, channel_norm({**w, "mean": mean, "variance": variance}, x), rtol=1e-12)
    assert state.keys() == {"mean", "variance"}
    same(state["mean"], 0.8 * w["mean"] + 0.2 * mean)
    same(state["variance"], 0.8 * w["variance"] + 0.2 * variance)


def test_batch_norm_leaves_the_running_values_alone_otherwise():
    _, w, state = run(dl.BatchNorm(), normal(8, 3))
    assert all(np.array_equal(state[path], w[path]) for path in ("mean", "variance"))


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.7])
def test_dropout_keeps_and_scales(rate):
    x = rng().uniform(1, 2, (1000, 500))
    y, _, _ = run(dl.Dropout(rate), x, training=True)
    kept = y != 0
    np.testing.assert_allclose(y[kept], x[kept] / (1 - rate), rtol=1e-15)
    deviation = math.sqrt(rate * (1 - rate) / x.size)
    assert abs(kept.mean() - (1 - rate)) <= 5 * deviation + 2.0**-24
    again, _, _ = run(dl.Dropout(rate), x, training=True, seed=1)
    assert rate == 0.0 or not np.array_equal(kept, again != 0)


WIDE = np.array([[-800.0, -30.0, -1.5, 0.0], [0.3, 2.0, 40.0, 800.0]])
FUNCTIONS = [
    (dl.relu, {}, lambda x: np.maximum(x, 0.0)),
    (dl.tanh, {}, lambda x: each(math.tanh, x)),
    (dl.sigmoid, {}, scipy.special.expit),
    (dl.gelu, {}, lambda x: x * scipy.stats.norm.cdf(x)),
    (dl.gelu, {"approximate": True},
     lambda x: x * scipy.special.expit(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    (dl.softmax, {}, lambda x: scipy.special.softmax(x, -1)),
    (dl.softmax, {"axis": 0}, lambda x: scipy.special.softmax(x, 0)),
    (dl.log_softmax, {}, lambda x: scipy.special.log_softmax(x, -1)),
    (dl.log_softmax, {"axis": 0}, lambda x: scipy.special.log_softmax(x, 0)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("f", "config", "expected"), FUNCTIONS, ids=[row[0].__name__ for row in FUNCTIONS]
)
@pytest.mark.parametrize("x", [normal(3, 4), WIDE], ids=["normal", "wide"])
def test_function(f, config, expected, x):
    same(evaluate(lambda x: f(x, **config), x), expected(x))


LOGITS, LABELS = 3 * normal(6, 5, 4, seed=7), rng(8).integers(0, 4, (6, 5)).astype(np.int32)
MEASURES = [
    (dl.MSE(), FEATURES, FEATURES[::-1].copy(),
     lambda y, t: mean_of([(a - b) ** 2 for a, b in zip(y.flat, t.flat, strict=True)])),
    (dl.CrossEntropy(), LOGITS, LABELS, lambda y, t: -mean_of(
        [scipy.special.log_softmax(y[at])[t[at]] for at in np.ndindex(*t.shape)])),
    (dl.Accuracy(), LOGITS, LABELS,
     lambda y, t: mean_of([float(np.argsort(-y[at])[0] == t[at]) for at in np.ndindex(*t.shape)])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("measure", "y", "t", "expected"), MEASURES, ids=[type(row[0]).__name__ for row in MEASURES]
)
def test_loss_or_metric(measure, y, t, expected):
    same(run(measure, y, t)[0], np.float64(expected(y, t)))
    same(evaluate(measure.definition, y, t), np.float64(expected(y, t)))


def geometric(decay, gradients):
    """Sum of decay^(age) g over all gradients so far: what a momentum buffer holds."""
    return sum(decay ** (len(gradients) - 1 - i) * g for i, g in enumerate(gradients))


def adam_step(gs, beta1=0.8, beta2=0.95, epsilon=1e-3):
    m = (1 - beta1) * geometric(beta1, gs) / (1 - beta1 ** len(gs))
    v = (1 - beta2) * geometric(beta2, [g**2 for g in gs]) / (1 - beta2 ** len(gs))
    return m / (np.sqrt(v) + epsilon)


OPTIMIZERS = [
    (dl.SGD(0.1), (), lambda gs: gs[-1]),
    (dl.SGD(0.1, momentum=0.9), ("velocity",), lambda gs: geometric(0.9, gs)),
    (dl.SGD(0.1, momentum=0.9, nesterov=True), ("velocity",),
     lambda gs: gs[-1] + 0.9 * geometric(0.9, gs)),
    (dl.Adam(0.1, 0.8, 0.95, 1e-3), ("first_moment", "second_moment"), adam_step),
]  # fmt: skip


@pytest.mark.parametrize(("optimizer", "names", "direction"), OPTIMIZERS)
def test_optimizer_over_ten_steps(optimizer, names, direction):
    """Against the sums over the whole past that the rules stand for."""
    parameters = {"a.kernel": normal(2, 3, 2, seed=1), "a.bias": normal(3, seed=2), "s": normal()}
    expected, seen = dict(parameters), {path: [] for path in parameters}
    slots = initial_slots(optimizer, parameters)
    assert tuple(slots) == names
    for step in range(1, 11):
        gradients = {p: rng(step).normal(size=np.shape(x)) for p, x in parameters.items()}
        parameters, slots = update(optimizer, parameters, gradients, slots, step)
        for path, gradient in gradients.items():
            seen[path].append(gradient)
            expected[path] = expected[path] - 0.1 * direction(seen[path])
            assert parameters[path].shape == np.shape(expected[path])
            np.testing.assert_allclose(parameters[path], expected[path], rtol=1e-12, atol=1e-13)
    assert tuple(slots) == names
    assert all(slot.keys() == parameters.keys() for slot in slots.values())
    for slot in names[:1]:
        scale = 1 - 0.8 if slot == "first_moment" else 1.0
        decay = 0.8 if slot == "first_moment" else 0.9
        np.testing.assert_allclose(slots[slot]["a.bias"], scale * geometric(decay, seen["a.bias"]))


def test_every_definition_has_an_expectation():
    def names(rows):
        return {getattr(row[0], "__name__", type(row[0]).__name__) for row in rows}

    assert names(LAYERS) == set(layers.__all__)
    assert names(FUNCTIONS) == set(functions.__all__)
    assert names(MEASURES) == (set(losses.__all__) | set(metrics.__all__)) - {"Loss", "Metric"}
    assert names(OPTIMIZERS) == set(optimizers.__all__) - {"Optimizer"}


# --- interpreter --------------------------------------------------------------------------------


class Counter(dl.Module):
    """Counts its calls, and adds the count before this one to x."""

    def __call__(self, x):
        count = self.state("count", (), "zeros", dtype="int")
        self.update("count", count + 1)
        return x + count.astype("float")


class Twice(dl.Module):
    def __init__(self):
        self.counter, self.dense = Counter(), dl.Dense(2)
        self.tied = self.dense

    def __call__(self, x):
        x = self.counter(self.counter(self.tied(self.dense(x))))
        return {"x": x, "mode": dl.when_training(x * 2.0, lambda: x)}


def twice(training, count=5):
    program = dl.trace(Twice(), dl.Input((None, 2)))
    weights = {
        "counter.count": np.asarray(count),
        "dense.kernel": np.array([[1.0, 2.0], [0.0, -1.0]]),
        "dense.bias": np.array([0.5, 0.0]),
    }
    return Interpreter(program).run(weights, [np.eye(2)], training), weights


def test_shared_modules_state_and_modes():
    (outputs, state), weights = twice(training=True)
    once = np.eye(2) @ weights["dense.kernel"] + weights["dense.bias"]
    expected = once @ weights["dense.kernel"] + weights["dense.bias"] + (5 + 6)
    same(outputs[0], expected)
    same(outputs[1], 2 * expected)
    assert state.keys() == {"counter.count"}
    same(state["counter.count"], np.int32(7))
    assert weights["counter.count"] == 5  # what was given is left alone
    (outputs, _), _ = twice(training=False)
    same(outputs[1], expected)


class Sizes(dl.Module):
    def __call__(self, x, y):
        batch, time, width = x.shape
        flat = ops.reshape(x, (batch * time, width))
        positions = ops.arange(batch * time).astype("float")
        later = ops.reshape(flat + positions[:, None], (batch, time, width))[:, 1:]
        padded = ops.pad(y, ((0, 0), (1, 0)))
        pooled = ops.window_sum(x, window=(2,), strides=(2,), padding=((0, 0),))
        return later, padded, ops.full((time // 2, batch), 1.0), pooled


def test_symbolic_sizes():
    program = dl.trace(Sizes(), (dl.Input(("b", "t", 3)), dl.Input(("b", "u"))))
    x, y = normal(2, 5, 3), normal(2, 7)
    outputs, _ = Interpreter(program).run({}, [x, y])
    same(outputs[0], (x + np.arange(10.0).reshape(2, 5, 1))[:, 1:])
    same(outputs[1], np.concatenate([np.zeros((2, 1)), y], axis=1))
    same(outputs[2], np.ones((2, 2)))
    same(outputs[3], x[:, 0:4:2] + x[:, 1:4:2])
    assert bind_sizes(program, [(2, 5, 3), (2, 7)]) == {"b": 2, "t": 5, "u": 7}


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        ([(2, 5, 4), (2, 7)], r"input 'x': expected the shape \(b, t, 3\), got \(2, 5, 4\)"),
        ([(2, 5, 3), (2, 7, 1)], r"input 'y': .*\(b, u\), got \(2, 7, 1\)"),
        ([(2, 5, 3), (4, 7)], r"input 'y': .*got \(4, 7\): b is 2 in input 'x'"),
        ([(2, 5, 3)], "expected 2 arrays"),
    ],
)
def test_shapes_that_do_not_fit(shapes, text):
    program = dl.trace(Sizes(), (dl.Input(("b", "t", 3)), dl.Input(("b", "u"))))
    with pytest.raises(DataError, match=text):
        bind_sizes(program, shapes)
    with pytest.raises(DataError, match=text):
        Interpreter(program).run({}, [np.zeros(shape) for shape in shapes])


def with_root(program, **changes):
    root = dataclasses.replace(program.root, **changes)
    return Program({**program.blocks, "": root}, program.entries, None, None)


def test_programs_that_are_wrong():
    program = dl.trace(dl.Sequential(dl.relu), dl.Input((None, 3)))
    compound = dataclasses.replace(program.root.inputs[0], shape=(Size.symbol("b") * 2, 3))
    with pytest.raises(ProgramError, match=r"b\*2"):
        bind_sizes(with_root(program, inputs=(compound,)), [(4, 3)])

    (call,) = program.root.nodes
    for shape in ((4, 2), (Size.symbol("nowhere"), 3)):
        wrong = dataclasses.replace(call, outputs=(dataclasses.replace(call.output, shape=shape),))
        with pytest.raises(ProgramError, match=r"call gave|nowhere"):
            Interpreter(with_root(program, nodes=(wrong,))).run({}, [np.zeros((4, 3))])


def test_arrays_that_do_not_fit():
    interpreter = Interpreter(dl.trace(dl.Embedding(5, 3), dl.Input((None,), "int")))
    table = {"table": normal(5, 3)}
    with pytest.raises(DTypeError, match="expected int"):
        interpreter.run(table, [np.zeros(2)])
    with pytest.raises(DataError, match="int32"):
        interpreter.run(table, [np.array([2**31])])
    with pytest.raises(WeightsError, match="no weight for table"):
        interpreter.run({}, [int32(1)])
    with pytest.raises(WeightsError, match=r"expected the shape \(5, 3\)"):
        interpreter.run({"table": normal(3, 5)}, [int32(1)])
    same(interpreter.run(table, [np.array([4], np.int64)])[0][0], table["table"][[4]])

    dropout = Interpreter(dl.trace(dl.Dropout(), dl.Input((None, 2))))
    with pytest.raises(DataError, match="give the run an rng"):
        dropout.run({}, [np.ones((1, 2))], training=True)
    with pytest.raises(DTypeError, match="expected float"):
        dropout.run({}, [np.ones((1, 2), int)])

    pool = Interpreter(dl.trace(dl.MaxPool2D(3), dl.Input((None, None, 4, 1))))
    with pytest.raises(ShapeError, match="do not fit"):
        pool.run({}, [np.ones((1, 2, 4, 1))])


def test_results_do_not_alias_what_was_given():
    x, weights = np.ones((2, 3)), {"mean": np.zeros(3), "variance": np.ones(3)}
    weights |= {"scale": np.ones(3), "bias": np.zeros(3)}
    (y,), state = Interpreter(dl.trace(dl.BatchNorm(), dl.Input((None, 3)))).run(weights, [x])
    (z,), _ = Interpreter(dl.trace(dl.Dropout(), dl.Input((None, 3)))).run({}, [x])
    repeated = evaluate(lambda x: ops.broadcast_to(x, (4, 2, 3)), x)
    for array in (y, z, repeated, *state.values()):
        array[...] = 9.0
    assert np.all(x == 1.0)
    assert np.all(weights["mean"] == 0.0)


# --- derivatives --------------------------------------------------------------------------------


def smooth(x):
    return float(np.sum(np.sin(x["a"])) * np.exp(0.3 * x["b"].sum()) + np.sum(x["a"] ** 3))


def smooth_gradient(x):
    sines, growth = np.sum(np.sin(x["a"])), np.exp(0.3 * x["b"].sum())
    ones = np.ones_like(x["b"])
    return {"a": np.cos(x["a"]) * growth + 3 * x["a"] ** 2, "b": 0.3 * sines * growth * ones}


POINT = {"a": normal(3, 4, seed=1), "b": normal(5, seed=2)}


def test_five_point_derivative_is_of_fourth_order():
    direction = random_direction(POINT, 0)
    exact = project(smooth_gradient(POINT), direction)
    errors = [
        abs(directional_derivative(smooth, POINT, direction, h) - exact) for h in (0.4, 0.2, 0.1)
    ]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(16, rel=0.1)
    cubic = {"x": np.array(2.0)}
    quartic = directional_derivative(lambda p: float(p["x"] ** 4), cubic, {"x": np.array(1.0)}, 0.5)
    assert quartic == pytest.approx(32.0, rel=1e-14)  # exact up to degree four


@pytest.mark.parametrize("seed", range(10))
def test_derivative_along_random_directions(seed):
    check = check_direction(smooth, POINT, seed)
    gradient = smooth_gradient(POINT)
    length = math.sqrt(sum(np.sum(d**2) for d in check.direction.values()))
    assert length == pytest.approx(1.0)
    assert check.difference(gradient) < 1e-10
    assert check.error < 1e-9 * abs(check.value)
    wrong = {**gradient, "b": gradient["b"] * (1 + 1e-6)}
    assert check.difference(wrong) > 1e-8


def test_directions_are_seeded_and_differ():
    one, again, other = (random_direction(POINT, seed)["a"] for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_kink_shows_in_the_error():
    kinked = lambda x: float(np.abs(x["a"] - 1e-6).sum() + np.sin(3 * x["a"]).sum())
    check = check_direction(kinked, {"a": np.zeros(1)})
    assert check.error > 1e-8


def test_derivative_of_a_model_against_its_analytic_gradient():
    """Softmax regression: d loss / d kernel = x^T (p - onehot) / n."""
    x, labels = normal(20, 4, seed=1), rng(2).integers(0, 3, 20).astype(np.int32)

    class Regression(dl.Module):
        def __init__(self):
            self.dense, self.loss = dl.Dense(3), dl.CrossEntropy()

        def __call__(self, x, labels):
            return self.loss(self.dense(x), labels)

    program = dl.trace(Regression(), (dl.Input((None, 4)), dl.Input((None,), "int")))
    interpreter = Interpreter(program)
    weights = {"dense.kernel": normal(4, 3, seed=3), "dense.bias": normal(3, seed=4)}
    p = scipy.special.softmax(x @ weights["dense.kernel"] + weights["dense.bias"], -1)
    error = (p - np.eye(3)[labels]) / 20
    gradient = {"dense.kernel": x.T @ error, "dense.bias": error.sum(0)}
    f = lambda w: float(interpreter.run(w, [x, labels])[0][0])
    assert check_direction(f, weights).difference(gradient) < 1e-10


def test_stop_gradient_is_held_fixed():
    class Stopped(dl.Module):
        def __call__(self, x):
            return ops.sum(x * dl.stop_gradient(x * x))

    interpreter = Interpreter(dl.trace(Stopped(), dl.Input((3,))))
    point, held = {"x": normal(3)}, Held()
    f = lambda p: float(interpreter.run({}, [p["x"]], held=held)[0][0])
    assert f(point) == pytest.approx(np.sum(point["x"] ** 3))
    assert check_direction(f, point).difference({"x": point["x"] ** 2}) < 1e-10
    free = lambda p: float(interpreter.run({}, [p["x"]])[0][0])
    assert check_direction(free, point).difference({"x": 3 * point["x"] ** 2}) < 1e-10


# --- the portable hash --------------------------------------------------------------------------


def mix32(x):
    """Wellons' lowbias32 on uint32 arrays."""
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def hash32(positions, step, site):
    step = mix32(np.array([step], np.int64).astype(np.uint32))
    site = np.array([site], np.int64).astype(np.uint32)
    return mix32(mix32(positions.astype(np.uint32) ^ site) ^ mix32(step + site))


def mix_of_python_int(x):
    x ^= x >> 16
    x = x * 0x7FEB352D % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    return x ^ x >> 16


def hashed(positions, step, site):
    f = lambda position, step: portable.hash_bits(position, step, site=site)
    return evaluate(f, positions, np.asarray(step, np.int32))


@pytest.mark.parametrize("site", [0, 1, -1, 123456789, INT_MAX, INT_MIN])
@pytest.mark.parametrize("step", [0, 1, 1000, INT_MAX])
def test_hash_equals_an_independent_one_bit_for_bit(site, step):
    positions = np.concatenate([np.arange(5000, dtype=np.int32), INTS])
    actual = hashed(positions, step, site)
    assert actual.dtype == np.int32
    np.testing.assert_array_equal(actual.view(np.uint32), hash32(positions, step, site))


def test_mix_equals_python_integers():
    actual = evaluate(portable.mix, INTS).view(np.uint32)
    assert actual.tolist() == [mix_of_python_int(x % 2**32) for x in INTS.tolist()]


COUNT = 2**20
POSITIONS = np.arange(COUNT, dtype=np.int32)
SITE = 0x3C6EF372


@pytest.fixture(scope="module")
def stream():
    return hashed(POSITIONS, 3, SITE).view(np.uint32)


def chi_square(counts, expected):
    """p-value of counts against a uniform expectation."""
    statistic = np.sum((counts - expected) ** 2 / expected)
    return scipy.stats.chi2.sf(statistic, counts.size - 1)


def plausible(p):
    return 1e-4 < p < 1 - 1e-4


def test_hash_is_uniform(stream):
    for byte in range(4):
        counts = np.bincount((stream >> np.uint32(8 * byte)) & np.uint32(255), minlength=256)
        assert plausible(chi_square(counts, COUNT / 256))
    uniform = stream / 2.0**32
    assert abs(uniform.mean() - 0.5) < 4 * math.sqrt(1 / 12 / COUNT)
    assert plausible(scipy.stats.kstest(uniform, "uniform").pvalue)


STREAMS = {
    "next position": (1, 3, SITE),
    "next row": (64, 3, SITE),
    "next step": (0, 4, SITE),
    "far step": (0, 100_000, SITE),
    "next site": (0, 3, SITE + 1),
    "site one bit off": (0, 3, SITE ^ 0x40000000),
    "step and site swapped": (0, SITE, 3),
}


@pytest.mark.parametrize(("shift", "step", "site"), STREAMS.values(), ids=STREAMS)
def test_hash_is_independent_across(stream, shift, step, site):
    other = hashed(POSITIONS + np.int32(shift), step, site).view(np.uint32)
    assert abs(np.corrcoef(stream, other)[0, 1]) < 4 / math.sqrt(COUNT)
    high = (stream >> np.uint32(25) << np.uint32(7)) | (other >> np.uint32(25))  # 7 bits of each
    assert plausible(chi_square(np.bincount(high, minlength=2**14), COUNT / 2**14))

    # Each bit of one against each bit of the other: 32 x 32 correlations, normal if independent.
    a, b = (signs(x[: 2**17]) for x in (stream, other))
    z = (a.T @ b).astype(np.float64) / math.sqrt(2**17)
    assert np.abs(z).max() < 5.5
    assert plausible(scipy.stats.chi2.sf(np.sum(z**2), z.size))


def signs(words):
    bits = (words[:, None] >> np.arange(32, dtype=np.uint32)) & np.uint32(1)
    return bits.astype(np.float32) * 2 - 1
