"""Independent formulas of recurrent layers: one sample and one step after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from polydl.conformance.expectations import Array, Weights

Cell = Callable[[Weights, Array, tuple[Array, ...]], tuple[Array, ...]]


def _sigma(x: Array) -> Array:
    return np.array([0.5 * (1.0 + math.tanh(0.5 * v)) for v in x])


def _gates(w: Weights, x: Array, h: Array, count: int) -> list[Array]:
    """Each gate's [x, h] W + b."""
    joined = np.concatenate([x, h])
    kernels = np.split(np.vstack([w["kernel"], w["recurrent_kernel"]]), count, 1)
    biases = np.split(w["bias"], count) if "bias" in w else [np.zeros(len(h))] * count
    return [joined @ k + b for k, b in zip(kernels, biases, strict=True)]


def simple(w: Weights, x: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    (a,) = _gates(w, x, state[0], 1)
    return (np.tanh(a),)


def lstm(w: Weights, x: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    i, f, g, o = _gates(w, x, state[0], 4)
    c = _sigma(f) * state[1] + _sigma(i) * np.tanh(g)
    return _sigma(o) * np.tanh(c), c


def gru(reset_after: bool, textbook: bool = False) -> Cell:
    def cell(w: Weights, x: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        (h,) = state
        n = len(h)
        extra = np.split(w.get("recurrent_bias", np.zeros(3 * n)), 3)
        r, z = (_sigma(a + e) for a, e in zip(_gates(w, x, h, 3)[:2], extra, strict=False))
        own = x @ w["kernel"][:, 2 * n :] + (w["bias"][2 * n :] if "bias" in w else 0.0)
        recurrent = w["recurrent_kernel"][:, 2 * n :]
        new = own + (r * (h @ recurrent + extra[2]) if reset_after else (r * h) @ recurrent)
        share = z if textbook else 1.0 - z
        return (h + share * (np.tanh(new) - h),)

    return cell


def run(
    cell: Cell,
    w: Weights,
    x: Array,
    state: tuple[Array, ...] | None = None,
    lengths: Array | None = None,
    reverse: bool = False,
    states: int = 1,
) -> tuple[Array, tuple[Array, ...]]:
    """Outputs and last state."""
    units = w["recurrent_kernel"].shape[0]
    outputs = np.zeros((*x.shape[:2], units))
    lasts: list[tuple[Any, ...]] = []
    for b in range(len(x)):
        now = tuple(s[b] for s in state) if state else (np.zeros(units),) * states
        steps = list(range(x.shape[1] if lengths is None else min(int(lengths[b]), x.shape[1])))
        for t in reversed(steps) if reverse else steps:
            now = cell(w, x[b, t], now)
            outputs[b, t] = now[0]
        lasts.append(now)
    return outputs, tuple(np.stack(parts) for parts in zip(*lasts, strict=True))
