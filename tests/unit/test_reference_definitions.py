"""Definitions on the oracle, against scipy and plain sums.

What has no line here has its independent expectation in its conformance row.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
from reference_helpers import (
    conv_loops,
    each,
    evaluate,
    folded,
    int32,
    normal,
    pool_loops,
    rng,
    same,
)

import polydl as dl
from polydl.reference import Interpreter
from polydl.reference.optimizers import initial_slots, update


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
