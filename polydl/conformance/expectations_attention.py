"""Independent formulas of attention: query by query, in Python numbers where it matters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from polydl.conformance.expectations import Array, Weights, dense

Looks = Callable[[int, int, int, int], bool]  # (sample, head, query, key)


def _row_weights(scores: dict[int, float], keys: int) -> Array:
    """Softmax over the keys that may be looked at; all zero where there is none."""
    weights = np.zeros(keys)
    top = max(scores.values(), default=0.0)
    total = math.fsum(math.exp(s - top) for s in scores.values())
    for key, score in scores.items():
        weights[key] = math.exp(score - top) / total
    return weights


def attention_weights(
    q: Array, k: Array, looks: Looks, bias: Array | float = 0.0, scale: float | None = None
) -> Array:
    """(batch, heads, time, keys). Query head n takes key head n * key heads // heads."""
    batch, time, heads, size = q.shape
    keys, key_heads = k.shape[1:3]
    full = np.broadcast_to(bias, (batch, heads, time, keys))
    factor = 1 / math.sqrt(size) if scale is None else scale
    weights = np.zeros((batch, heads, time, keys))
    for b, n, t in np.ndindex(batch, heads, time):
        scores = {
            s: factor * math.fsum(q[b, t, n] * k[b, s, n * key_heads // heads]) + full[b, n, t, s]
            for s in range(keys)
            if looks(b, n, t, s)
        }
        weights[b, n, t] = _row_weights(scores, keys)
    return weights


def weighted_values(weights: Array, v: Array) -> Array:
    batch, heads, time, keys = weights.shape
    y = np.zeros((batch, time, heads, v.shape[3]))
    for b, n, t, s in np.ndindex(batch, heads, time, keys):
        y[b, t, n] += weights[b, n, t, s] * v[b, s, n * v.shape[2] // heads]
    return y


def attention(q: Array, k: Array, v: Array, looks: Looks, **more: Any) -> Array:
    return weighted_values(attention_weights(q, k, looks, **more), v)


def everything(b: int, n: int, t: int, s: int) -> bool:
    return True


def causal(b: int, n: int, t: int, s: int) -> bool:
    return s <= t


def allowed(mask: Array) -> Looks:
    """By a mask of four axes, of which some may be 1."""

    def looks(*index: int) -> bool:
        return bool(mask[tuple(min(i, n - 1) for i, n in zip(index, mask.shape, strict=True))])

    return looks


def shorter(lengths: Array) -> Looks:
    return lambda b, n, t, s: s < lengths[b]


def both(*conditions: Looks) -> Looks:
    return lambda *index: all(condition(*index) for condition in conditions)


def own(w: Weights, prefix: str) -> dict[str, Array]:
    return {k.removeprefix(f"{prefix}."): v for k, v in w.items() if k.startswith(f"{prefix}.")}


def multi_head(
    w: Weights,
    x: Array,
    context: Array,
    heads: int,
    looks: Looks,
    key_value_heads: int | None = None,
    change: Callable[[Array], Array] = lambda weights: weights,
    turn: Callable[[Array], Array] = lambda x: x,
    **more: Any,
) -> Array:
    """change: of the attention weights, such as dropout. turn: of queries and keys."""

    def split(name: str, given: Array, count: int) -> Array:
        y = dense(own(w, name), given, False)
        return np.stack(np.split(y, count, axis=-1), axis=2)

    groups = key_value_heads or heads
    q, k = split("query", x, heads), split("key", context, groups)
    weights = change(attention_weights(turn(q), turn(k), looks, **more))
    y = weighted_values(weights, split("value", context, groups))
    joined = np.concatenate([y[:, :, n] for n in range(heads)], axis=-1)
    return dense(own(w, "out"), joined, False)
