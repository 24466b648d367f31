"""Rows of recurrent layers, and of the loops that they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from polydl import layers as parts
from polydl import ops
from polydl.conformance import expectations_recurrent as e
from polydl.conformance.expectations import Array
from polydl.conformance.row import COMPOSITE, Part, Row, Weights, plain, several
from polydl.conformance.samplers import fixed, normal
from polydl.functions.activations import tanh
from polydl.layers.bidirectional import Bidirectional
from polydl.layers.dense import Dense
from polydl.spec.input import Input
from polydl.spec.module import Module, Sequential
from polydl.spec.regions import associative_scan, map, remat, scan
from polydl.spec.tensor import Tensor

RNN, LSTM, GRU = "polydl:SimpleRNN@1", "polydl:LSTM@1", "polydl:GRU@1"


def _outputs(cell: e.Cell, last: bool = False, **options: Any) -> Any:
    def formula(w: Weights, x: Array, training: bool) -> Array:
        outputs, state = e.run(cell, w, x, **options)
        return state[0] if last else outputs

    return formula


def _own(weights: Weights, path: str) -> dict[str, Array]:
    """The weights of the layer at this path."""
    prefix = f"{path}."
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


class WithState(Module):
    """Initial and returned states, lengths (one of them 0), and both directions."""

    def __init__(self) -> None:
        self.rnn = parts.SimpleRNN(3, return_state=True)
        self.lstm = parts.LSTM(3, return_state=True, return_sequences=False)
        self.gru = parts.GRU(3, return_state=True, reverse=True)
        self.own = parts.GRU(3, reset_after=False)
        self.after = parts.GRU(2, return_sequences=False)  # sees no lengths
        self.both = Bidirectional(parts.LSTM(3, return_state=True))

    def __call__(self, x: Tensor, h: Tensor, c: Tensor, lengths: Tensor) -> dict[str, Any]:
        return {
            "rnn": self.rnn(x, h),
            "lstm": self.lstm(x, (h, c), lengths),
            "gru": self.gru(x, h, lengths),
            "own": self.after(self.own(x, lengths=lengths)),
            "both": self.both(x, lengths=lengths),
        }


def _with_state(weights: Weights, given: list[Array], training: bool) -> Any:
    x, h, c, lengths = given

    rnn, rnn_state = e.run(e.simple, _own(weights, "rnn"), x, (h,))
    _, lstm = e.run(e.lstm, _own(weights, "lstm"), x, (h, c), lengths)
    gru, gru_state = e.run(e.gru(True), _own(weights, "gru"), x, (h,), lengths, reverse=True)
    short, _ = e.run(e.gru(False), _own(weights, "own"), x, None, lengths)
    _, after = e.run(e.gru(True), _own(weights, "after"), short)
    ahead, ahead_state = e.run(
        e.lstm, _own(weights, "both.forward_layer"), x, None, lengths, states=2
    )
    back, back_state = e.run(
        e.lstm, _own(weights, "both.backward_layer"), x, None, lengths, reverse=True, states=2
    )
    both = np.concatenate([ahead, back], -1)
    outputs = [rnn, *rnn_state, lstm[0], *lstm, gru, *gru_state, *after, both]
    return [*outputs, *ahead_state, *back_state], {}


class Cell(Module):
    """A user's own cell, with a layer in it."""

    def __init__(self, units: int):
        self.dense = Dense(units)

    def __call__(self, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        h = tanh(self.dense(ops.concatenate([h, x], -1)))
        return h, 2.0 * h


class OwnCell(Module):
    def __init__(self) -> None:
        self.cell = Cell(3)

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        def step(h: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
            return remat(self.cell, h, now)

        return scan(step, ops.full((x.shape[0], 3), 0.5), x, axis=1)


def _own_cell(weights: Weights, given: list[Array], training: bool) -> Any:
    (x,) = given
    h = np.full((len(x), 3), 0.5)
    outputs = []
    for t in range(x.shape[1]):
        h = np.tanh(
            np.hstack([h, x[:, t]]) @ weights["cell.dense.kernel"] + weights["cell.dense.bias"]
        )
        outputs.append(2 * h)
    return [h, np.stack(outputs, 1)], {}


class Again(Module):
    """Modules and functions with parameters, computed twice; loops in loops."""

    def __init__(self) -> None:
        self.first = Dense(3)
        self.blocks = [Dense(3, use_bias=False), Dense(3, use_bias=False)]

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = remat(self.first, x)
        for block in self.blocks:
            x = remat(block, x)

        def row(total: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
            zero = ops.full((now.shape[0],), 1.0)
            inner, _ = scan(lambda s, v: (s * 0.5 + v, None), zero, now, axis=1)
            total = total + inner
            return total, total

        zero = ops.full((x.shape[0],), 0.0)
        return remat(lambda a: tanh(self.first(a)), x), scan(row, zero, x, axis=1)[1]


def _again(w: Weights, given: list[Array], training: bool) -> Any:
    x = given[0] @ w["first.kernel"] + w["first.bias"]
    x = x @ (w["blocks.0.kernel"] @ w["blocks.1.kernel"])
    rows = x @ np.array([0.25, 0.5, 1.0]) + 0.125
    return [np.tanh(x @ w["first.kernel"] + w["first.bias"]), np.cumsum(rows, 1)], {}


def _loops(x: Tensor) -> dict[str, Any]:
    """x (batch, time, 3)."""
    zeros = ops.full((x.shape[0], 3), 0.0)
    decay = 1.0 / (1.0 + x * x)

    def running(total: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        total = total + now
        return total, total

    def pair(state: tuple[Tensor, Tensor], now: Tensor) -> tuple[Any, None]:
        a, b = state
        return (b, a * 0.5 + now), None

    def linear(p: Any, q: Any) -> Any:
        return p[0] * q[0], q[0] * p[1] + q[1]

    return {
        "sums": scan(running, zeros, x, axis=1)[1],
        "backwards": scan(running, zeros, x, axis=1, reverse=True)[1],
        "two": scan(pair, (zeros, zeros + 1.0), x, axis=1)[0],
        "halved": scan(lambda h, _: (h * 0.5 + 0.1, None), x[:, 0], length=3)[0],
        "mapped": map(lambda row: row * row + 1.0, x, axis=1),
        "recurrence": associative_scan(linear, (decay, x), axis=1)[1],
        "from_the_end": associative_scan(lambda a, b: a * b, decay, axis=1, reverse=True),
        "again": remat(lambda a: tanh(a) * a, x),
    }


def _loops_expected(x: Array) -> dict[str, Array]:
    decay = 1 / (1 + x**2)
    a, b, h = np.zeros_like(x[:, 0]), np.ones_like(x[:, 0]), np.zeros_like(x[:, 0])
    states = []
    for t in range(x.shape[1]):
        a, b = b, a * 0.5 + x[:, t]
        h = decay[:, t] * h + x[:, t]
        states.append(h)
    return {
        "sums": np.cumsum(x, 1),
        "backwards": np.cumsum(x[:, ::-1], 1)[:, ::-1],
        "two": a,
        "two_more": b,
        "halved": x[:, 0] / 8 + 0.175,
        "mapped": x**2 + 1,
        "recurrence": np.stack(states, 1),
        "from_the_end": np.cumprod(decay[:, ::-1], 1)[:, ::-1],
        "again": np.tanh(x) * x,
    }


class Loops(Module):
    def __call__(self, x: Tensor) -> dict[str, Any]:
        return _loops(x)


def _stacked(weights: Weights, given: list[Array], training: bool) -> Any:
    x, _ = e.run(e.lstm, _own(weights, "0"), given[0], states=2)
    ahead, _ = e.run(e.gru(True), _own(weights, "1.forward_layer"), x)
    back, _ = e.run(e.gru(True), _own(weights, "1.backward_layer"), x, reverse=True)
    _, last = e.run(e.lstm, _own(weights, "2"), np.concatenate([ahead, back], -1), states=2)
    return [last[0]], {}


def _layers() -> Sequential:
    last = parts.LSTM(2, return_sequences=False)
    return Sequential([parts.LSTM(3), Bidirectional(parts.GRU(2)), last])


ROWS: tuple[Row, ...] = (
    Row("loops", (COMPOSITE,), Loops, Input((None, 5, 3)), normal(2, 5, 3), plain(_loops_expected)),
    Row(
        "loops of unknown length", (COMPOSITE,), Loops, Input((None, "time", 3)), normal(2, 4, 3),
        plain(_loops_expected), resized=normal(2, 1, 3), gradients=False,
    ),
    Row("remat, loops in loops", (COMPOSITE,), Again, Input((None, 2, 3)), normal(2, 2, 3), _again),
    Row("own cell", (COMPOSITE,), OwnCell, Input((None, 4, 2)), normal(2, 4, 2), _own_cell),
    several(
        "recurrent layers", [RNN, LSTM, GRU], Input((None, 4, 2)), normal(3, 4, 2),
        rnn=Part(lambda: parts.SimpleRNN(3), _outputs(e.simple)),
        lstm=Part(lambda: parts.LSTM(3), _outputs(e.lstm, states=2)),
        lstm_last=Part(
            lambda: parts.LSTM(3, return_sequences=False, use_bias=False),
            _outputs(e.lstm, last=True, states=2),
        ),
        lstm_reverse=Part(
            lambda: parts.LSTM(2, reverse=True), _outputs(e.lstm, reverse=True, states=2)
        ),
        gru=Part(lambda: parts.GRU(3), _outputs(e.gru(True))),
        gru_last=Part(
            lambda: parts.GRU(3, use_bias=False, return_sequences=False, reverse=True),
            _outputs(e.gru(True), last=True, reverse=True),
        ),
        gru_paper=Part(lambda: parts.GRU(3, reset_after=False), _outputs(e.gru(False))),
        gru_textbook=Part(
            lambda: parts.GRU(3, reset_after=False, textbook=True), _outputs(e.gru(False, True))
        ),
    ),
    Row(
        "recurrent layers with state", (RNN, LSTM, GRU), WithState,
        (Input((None, "time", 2)), Input((None, 3)), Input((None, 3)), Input((None,), "int")),
        (normal(3, 4, 2), normal(3, 3), normal(3, 3), fixed([4, 0, 2], np.int32)), _with_state,
    ),
    Row(
        "recurrent layers, stacked", (LSTM, GRU), _layers, Input((None, 3, 2)), normal(2, 3, 2),
        _stacked,
    ),
    several(
        "recurrent layers, one step", [RNN, LSTM, GRU], Input((None, "time", 1)), normal(1, 1, 1),
        resized=normal(2, 3, 1),
        rnn=Part(lambda: parts.SimpleRNN(1), _outputs(e.simple)),
        lstm=Part(lambda: parts.LSTM(1), _outputs(e.lstm, states=2)),
        gru=Part(lambda: parts.GRU(1), _outputs(e.gru(True))),
    ),
)  # fmt: skip
