"""Impossible recurrent layers and loops are refused, with what, where and what instead."""

from __future__ import annotations

import pytest

import polydl as dl
from polydl import ops
from polydl.errors import DefinitionError, DTypeError, ShapeError

SETTINGS = [
    (lambda: dl.LSTM(0), "LSTM: units must be a positive integer, got 0"),
    (lambda: dl.GRU(-2), "GRU: units must be a positive integer"),
    (lambda: dl.SimpleRNN(2.5), "SimpleRNN: units must be an integer, got 2.5"),
    (lambda: dl.Bidirectional(dl.Dense(3)), r"takes a recurrent layer such as dl.LSTM\(64\)"),
    (lambda: dl.Bidirectional(dl.LSTM(3), dl.LSTM(3)), "backward_layer reverse=True"),
    (
        lambda: dl.Bidirectional(dl.LSTM(3), dl.GRU(4, reverse=True, return_state=True)),
        "the same return_state, got False and True",
    ),
]


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


class Call(dl.Module):
    def __init__(self, f, layer=None):
        self.f = f
        self.layer = layer

    def __call__(self, *given):
        return self.f(self.layer, *given)


X = dl.Input((None, 4, 2))
H = dl.Input((None, 3))


def start(x):
    return ops.full((x.shape[0], 2), 0.0)


def scan(step, **options):
    return lambda _, x: dl.scan(step, start(x), x, axis=1, **options)


def kept(_, x):
    seen = []
    dl.map(lambda a: seen.append(a) or a, x, axis=1)
    return seen[0] + 1.0


LAYERS = [
    (dl.LSTM(3), lambda layer, x: layer(x), [H], r"takes \(batch, time, features\)"),
    (dl.LSTM(3), lambda layer, x: layer(x[:, :0]), [X], "takes at least one step"),
    (dl.LSTM(3), lambda layer, x, h: layer(x, h), [X, H], "a state is 2 of"),
    (dl.GRU(2), lambda layer, x, h: layer(x, h), [X, H], "a state is 1 of"),
    (dl.GRU(2), lambda layer, x: layer(x, 3.0), [X], "a state is 1 of"),
    (dl.GRU(2), lambda layer, x, n: layer(x, None, n), [X, H], "lengths must be int"),
    (
        dl.Bidirectional(dl.GRU(2)), lambda layer, x, h: layer(x, h), [X, H],
        r"a pair \(forward state, backward state\)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "f", "inputs", "text"), LAYERS)
def test_impossible_calls(layer, f, inputs, text):
    with pytest.raises(ShapeError, match=f"layer.*{text}"):
        dl.trace(Call(f, layer), inputs)


LOOPS = [
    (scan(lambda c, x: c + x), DefinitionError, r"returns \(carry, y\)"),
    (scan(lambda c, x: (c[:, :1], x)), ShapeError, "A carry keeps its shape"),
    (scan(lambda c, x: (c > 0, x)), DTypeError, "A carry keeps its shape and dtype"),
    (scan(lambda c, x: ((c, c), x)), DefinitionError, "nested in another way than init"),
    (scan(lambda c, x: (c, "x")), DefinitionError, "expected tensors"),
    (scan(lambda c, x: (c, x), length=9), ShapeError, "length=9, but xs has 4"),
    (lambda _, x: dl.scan(lambda c, a: (c, a), start(x)), DefinitionError, "give it xs, or length="),
    (lambda _, x: dl.map(lambda a: a, (x, x[:, :2]), axis=1), ShapeError, "2 slices on axis 1"),
    (lambda _, x: dl.associative_scan(lambda a, b: (a, b), x), DefinitionError, "nested"),
    (
        lambda _, x: dl.associative_scan(lambda a, b: ops.mean(a + b, 0, keepdims=True), x, axis=1),
        DefinitionError, "Use dl.scan for others",
    ),
    (kept, DefinitionError, "have that return it"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "error", "text"), LOOPS)
def test_impossible_loops(f, error, text):
    with pytest.raises(error, match=text):
        dl.trace(Call(f), X)


def test_a_loop_does_not_move_state():
    norm = dl.BatchNorm()
    with pytest.raises(DefinitionError, match=r"cannot update state \(layer.mean\)"):
        dl.trace(Call(lambda layer, x: dl.map(layer, x, axis=1), norm), X)


def test_a_loop_runs_in_a_definition_only():
    with pytest.raises(DefinitionError, match="outside a trace"):
        dl.scan(lambda c, x: (c, x), 0.0, [1.0])
