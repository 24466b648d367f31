"""What update rules give, from the whole past: sums of all gradients in the place of recursions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from polydl.conformance.row import Array, Stepped

Formula = Callable[[str, Array, Array, int, float, tuple[Array, ...]], Stepped]
# of all gradients (step, ...), and of all directions before, to the direction of this step
Direction = Callable[[Array, Array], Array]


def _descent(direction: Direction, weight_decay: float = 0.0, decoupled: bool = False) -> Formula:
    def formula(
        path: str, p: Array, g: Array, t: int, rate: float, kept: tuple[Array, ...]
    ) -> Stepped:
        decay = weight_decay if p.ndim > 1 else 0.0
        shrunk = p - rate * decay * p if decoupled else p
        gradient = g if decoupled else g + decay * p
        past, directions = kept or (np.zeros((0, *p.shape)), np.zeros((0, *p.shape)))
        past = np.append(past, gradient[None], 0)
        step = direction(past, directions)
        return shrunk - rate * step, (past, np.append(directions, step[None], 0))

    return formula


def grouped(rest: Formula, groups: dict[str, tuple[Formula | None, float]]) -> Formula:
    """Others, and factors of the rate, for paths that begin so. None: they stay."""

    def formula(
        path: str, p: Array, g: Array, t: int, rate: float, kept: tuple[Array, ...]
    ) -> Stepped:
        own = (value for begin, value in groups.items() if path.startswith(begin))
        move, factor = next(own, (rest, 1.0))
        return (p, ()) if move is None else move(path, p, g, t, factor * rate, kept)

    return formula


def _geometric(ratio: float, past: Array) -> Array:
    """The sum of ratio^age times what was."""
    return np.tensordot(ratio ** np.arange(len(past))[::-1], past, 1)


def _mean(ratio: float, past: Array) -> Array:
    """The average with weights ratio^age: a moment with its bias corrected."""
    return np.average(past, axis=0, weights=ratio ** np.arange(len(past))[::-1].astype(float))


def sgd(
    momentum: float = 0.0, nesterov: bool = False, dampening: float = 0.0, **decay: Any
) -> Formula:
    def direction(past: Array, _: Array) -> Array:
        shares = np.where(np.arange(len(past)) > 0, 1 - dampening, 1.0)
        velocity = _geometric(momentum, (past.T * shares).T)
        return past[-1] + momentum * velocity if nesterov else velocity

    return _descent(direction, **decay)


def adam(
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, amsgrad: bool = False,
    **decay: Any,
) -> Formula:  # fmt: skip
    def direction(past: Array, _: Array) -> Array:
        spread = _mean(beta2, past**2)
        if amsgrad:
            ages = np.subtract.outer(np.arange(len(past)), np.arange(len(past)))
            sums = np.tensordot(np.where(ages < 0, 0.0, beta2 ** np.maximum(ages, 0)), past**2, 1)
            spread = sums.max(0) * (1 - beta2) / (1 - beta2 ** len(past))
        return _mean(beta1, past) / (np.sqrt(spread) + epsilon)

    return _descent(direction, **decay)


def nadam(momentum_decay: float, **decay: Any) -> Formula:
    def direction(past: Array, _: Array) -> Array:
        t = len(past)
        momenta = [0.9 * (1 - 0.96 ** (i * momentum_decay) / 2) for i in range(1, t + 2)]
        ahead = momenta[t] * 0.1 * _geometric(0.9, past) / (1 - math.prod(momenta))
        now = (1 - momenta[t - 1]) * past[-1] / (1 - math.prod(momenta[:t]))
        return (ahead + now) / (np.sqrt(_mean(0.999, past**2)) + 1e-8)

    return _descent(direction, **decay)


def radam(beta2: float, **decay: Any) -> Formula:
    """With ρ as the centre of mass that it stands for: of the squares, in steps."""

    def direction(past: Array, _: Array) -> Array:
        t = len(past)
        weights = beta2 ** np.arange(t) / sum(beta2 ** np.arange(t))
        most = (1 + beta2) / (1 - beta2)
        length = most - 2 * t * beta2**t / (1 - beta2**t)
        if length <= 5:
            return _mean(0.9, past)
        ratio = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
        root = np.sqrt(np.tensordot(weights[::-1], past**2, 1))
        small = 1e-8 / math.sqrt(1 - beta2**t)
        return _mean(0.9, past) * math.sqrt(ratio) / (root + small)

    return _descent(direction, **decay)


def adamax(**decay: Any) -> Formula:
    def direction(past: Array, _: Array) -> Array:
        ages = np.arange(len(past))[::-1]
        faded = (np.abs(past) + 1e-8).T * 0.99**ages
        return _mean(0.9, past) / faded.T.max(0)

    return _descent(direction, **decay)


def rmsprop(
    momentum: float, centered: bool, inside: bool, epsilon: float = 1e-8, **decay: Any
) -> Formula:
    def direction(past: Array, before: Array) -> Array:
        spread = 0.05 * _geometric(0.95, past**2)
        if centered:
            spread = spread - (0.05 * _geometric(0.95, past)) ** 2
        root = (spread + epsilon) ** 0.5 if inside else spread**0.5 + epsilon
        last = before[-1] if len(before) else 0.0
        return past[-1] / root + momentum * last

    return _descent(direction, **decay)


def adagrad(initial: float, inside: bool, epsilon: float, **decay: Any) -> Formula:
    def direction(past: Array, _: Array) -> Array:
        total = initial + np.einsum("t...,t...->...", past, past)
        return past[-1] / ((total + epsilon) ** 0.5 if inside else total**0.5 + epsilon)

    return _descent(direction, **decay)


def adadelta(**decay: Any) -> Formula:
    def direction(past: Array, before: Array) -> Array:
        changes = 0.1 * _geometric(0.9, before**2) if len(before) else 0.0
        return past[-1] * np.sqrt((changes + 1e-6) / (0.1 * _geometric(0.9, past**2) + 1e-6))

    return _descent(direction, **decay)


def lion(weight_decay: float, beta1: float = 0.9) -> Formula:
    def direction(past: Array, _: Array) -> Array:
        before = 0.01 * _geometric(0.99, past[:-1]) if len(past) > 1 else 0.0
        return np.sign(beta1 * before + (1 - beta1) * past[-1])

    return _descent(direction, weight_decay, decoupled=True)


def lamb(weight_decay: float) -> Formula:
    def formula(
        path: str, p: Array, g: Array, t: int, rate: float, kept: tuple[Array, ...]
    ) -> Stepped:
        past = np.append(kept[0], g[None], 0) if kept else g[None]
        step = _mean(0.9, past) / (np.sqrt(_mean(0.999, past**2)) + 1e-6)
        step = step + weight_decay * p if p.ndim > 1 else step
        return p - rate * math.hypot(*p.flat) / math.hypot(*step.flat) * step, (past,)

    return formula


def adafactor(weight_decay: float, scaled: bool = True) -> Formula:
    """scaled: both relative to the step and to the weights."""

    def formula(
        path: str, p: Array, g: Array, t: int, rate: float, kept: tuple[Array, ...]
    ) -> Stepped:
        squares = np.append(kept[0], g[None] ** 2, 0) if kept else g[None] ** 2
        keeps = 1 - np.arange(1, t + 1) ** -0.8
        weights = [(1 - keeps[i]) * math.prod(keeps[i + 1 :]) for i in range(t)]
        moment = np.tensordot(weights, squares, 1) + 1e-30
        if p.ndim > 1:
            rows, columns = moment.mean(-1), moment.mean(-2)
            whole = moment.mean((-1, -2))
            moment = np.einsum("...i,...j,...->...ij", rows, columns, 1 / whole)
        p = p - rate * weight_decay * p if p.ndim > 1 else p
        step = g / np.sqrt(moment)
        step = step / max(1.0, float(np.std(step, mean=np.zeros_like(step))))
        size = min(rate, t**-0.5) * max(1e-3, math.sqrt(np.mean(p**2))) if scaled else rate
        return p - size * step, (squares,)

    return formula


def muon(adjustment: str, nesterov: bool, weight_decay: float, adamw_rate: float = 1.0) -> Formula:
    """The polynomial of the iteration on each singular value; AdamW where p is no matrix."""
    others = adam(0.9, 0.95, weight_decay=weight_decay, decoupled=True)

    def formula(
        path: str, p: Array, g: Array, t: int, rate: float, kept: tuple[Array, ...]
    ) -> Stepped:
        if p.ndim < 2 or path.endswith("table"):
            return others(path, p, g, t, adamw_rate * rate, kept)
        past = np.append(kept[0], g[None], 0) if kept else g[None]
        velocity = _geometric(0.95, past)
        matrix = (g + 0.95 * velocity if nesterov else velocity).reshape(-1, p.shape[-1])
        u, s, v = np.linalg.svd(matrix, full_matrices=False)
        s = s / (math.hypot(*s) + 1e-7)
        for _ in range(5):
            s = np.polyval([2.0315, 0.0, -4.7750, 0.0, 3.4445, 0.0], s)
        inputs, outputs = matrix.shape
        wide = max(1.0, math.sqrt(outputs / inputs))
        scale = wide if adjustment == "original" else 0.2 * math.sqrt(max(inputs, outputs))
        step = scale * (u * s @ v).reshape(p.shape)
        return p * (1 - rate * weight_decay) - rate * step, (past,)

    return formula
