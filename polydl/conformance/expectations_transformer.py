"""Independent formulas of transformers: positions as complex numbers, layers in plain NumPy."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from polydl.conformance import expectations as e
from polydl.conformance import expectations_attention as a
from polydl.conformance.expectations import Array, Weights


def sinusoids(time: int, width: int, interleaved: bool, base: float = 10000.0) -> Array:
    """(time, width), element by element."""
    y = np.empty((time, width))
    for p, i in np.ndindex(time, width // 2):
        turn = cmath.exp(1j * p / base ** (2 * i / width))
        places = (2 * i, 2 * i + 1) if interleaved else (i, i + width // 2)
        y[p, places[0]], y[p, places[1]] = turn.imag, turn.real
    return y


def rotated(x: Array, interleaved: bool, base: float = 10000.0, start: int = 0) -> Array:
    """Each pair of features as a complex number, turned by its position."""
    y = np.empty_like(x)
    head = x.shape[3]
    for b, t, n, i in np.ndindex(*x.shape[:3], head // 2):
        first, second = (2 * i, 2 * i + 1) if interleaved else (i, i + head // 2)
        number = complex(x[b, t, n, first], x[b, t, n, second])
        number *= cmath.exp(1j * (start + t) * base ** (-2 * i / head))
        y[b, t, n, first], y[b, t, n, second] = number.real, number.imag
    return y


# of the paper's code: 8 heads have powers of 1/2; 6 are those of 4 heads, then of 8
SLOPES = {
    2: [2**-4, 2**-8],
    4: [2**-2, 2**-4, 2**-6, 2**-8],
    6: [2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3],
    8: [2.0**-n for n in range(1, 9)],
}


def alibi(heads: int, time: int, keys: int) -> Array:
    y = np.empty((1, heads, time, keys))
    for n, t, s in np.ndindex(heads, time, keys):
        y[0, n, t, s] = -SLOPES[heads][n] * abs(t - s)
    return y


def unfused(w: Weights, heads: int, groups: int | None = None) -> dict[str, Array]:
    """The weights of a fused attention as those of three layers."""
    head = w["qkv.kernel"].shape[1] // (heads + 2 * (groups or heads))
    ends = [heads * head, (heads + (groups or heads)) * head]
    result = dict(w)
    for field in ("kernel", "bias"):
        parts = np.split(w[f"qkv.{field}"], ends, axis=-1)
        result.update(
            {f"{n}.{field}": p for n, p in zip(("query", "key", "value"), parts, strict=True)}
        )
    return result


def feed_forward(w: Weights, x: Array, activation: Callable[[float], float]) -> Array:
    h = np.vectorize(activation)(e.dense(a.own(w, "up"), x, False))
    if "gate.kernel" in w:
        gate = np.vectorize(activation)(e.dense(a.own(w, "gate"), x, False))
        h = gate * e.dense(a.own(w, "up"), x, False)
    return e.dense(a.own(w, "down"), h, False)


def layer(
    w: Mapping[str, Array],
    x: Array,
    steps: list[Callable[[Array], Array]],
    norm_first: bool,
    epsilon: float = 1e-5,
) -> Array:
    """Each step added to x, with its norm before the step or after the sum."""
    for number, step in enumerate(steps, 1):
        own = a.own(w, f"norm{number}")

        def norm(y: Array, own: Any = own) -> Array:
            return e.layer_norm(epsilon)(own, y, False)

        x = x + step(norm(x)) if norm_first else norm(x + step(x))
    return x


def silu(x: float) -> float:
    return x / (1 + math.exp(-x))
