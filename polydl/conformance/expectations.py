"""Independent formulas of layers, functions and losses: plain NumPy, shared with nothing."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]


def dense(w: Weights, x: Array, training: bool) -> Array:
    y = np.tensordot(x, w["kernel"], axes=(x.ndim - 1, 0))
    return y + w["bias"] if "bias" in w else y


def layer_norm(epsilon: float) -> Callable[[Weights, Array, bool], Array]:
    def formula(w: Weights, x: Array, training: bool) -> Array:
        y = np.empty_like(x)
        for index in np.ndindex(x.shape[:-1]):
            row = x[index]
            y[index] = (row - row.mean()) / math.sqrt(row.var() + epsilon)
        return y * w["scale"] + w["bias"]

    return formula


def rms_norm(epsilon: float) -> Callable[[Weights, Array, bool], Array]:
    def formula(w: Weights, x: Array, training: bool) -> Array:
        y = np.empty_like(x)
        for index in np.ndindex(x.shape[:-1]):
            y[index] = x[index] / math.sqrt(np.dot(x[index], x[index]) / x.shape[-1] + epsilon)
        return y * w["scale"]

    return formula


def batch_norm(
    momentum: float, epsilon: float, ddof: int = 0
) -> Callable[[Weights, Array, bool], Any]:
    """ddof: of the running variance."""

    def formula(w: Weights, x: Array, training: bool) -> tuple[Array, dict[str, Array]]:
        mean, variance = w["mean"], w["variance"]
        state = {"mean": mean, "variance": variance}
        if training:
            columns = x.reshape(-1, x.shape[-1])
            mean, variance = columns.mean(0), columns.var(0)  # divided by n, not n - 1
            moved = columns.var(0, ddof=ddof)
            state = {
                "mean": momentum * state["mean"] + (1 - momentum) * mean,
                "variance": momentum * state["variance"] + (1 - momentum) * moved,
            }
        return (x - mean) / np.sqrt(variance + epsilon) * w["scale"] + w["bias"], state

    return formula


def embedding(w: Weights, x: Array, training: bool) -> Array:
    table = w["table"]
    rows = [table[min(max(int(i), 0), len(table) - 1)] for i in x.ravel()]
    return np.array(rows).reshape(*x.shape, table.shape[1])


def elementwise(function: Callable[[float], float]) -> Callable[[Weights, Array, bool], Array]:
    """A function of Python floats, applied to each element."""
    mapped = np.vectorize(function, otypes=[np.float64])
    return lambda w, x, training: mapped(x)


def relu(x: float) -> float:
    return max(x, 0.0)


def sigmoid(x: float) -> float:
    if x < -700:
        return 0.0
    return 1 / (1 + math.exp(-x))


def gelu(x: float) -> float:
    return x * 0.5 * math.erfc(-x / math.sqrt(2))


def gelu_tanh(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _exact_log_sum(row: Array) -> float:
    top = max(row)
    return top + math.log(math.fsum(math.exp(v - top) for v in row))


def softmax(axis: int) -> Callable[[Weights, Array, bool], Array]:
    def row(values: Array) -> Array:
        total = _exact_log_sum(values)
        return np.array([math.exp(v - total) for v in values])

    return lambda w, x, training: np.apply_along_axis(row, axis, x)


def log_softmax(axis: int) -> Callable[[Weights, Array, bool], Array]:
    def row(values: Array) -> Array:
        return values - _exact_log_sum(values)

    return lambda w, x, training: np.apply_along_axis(row, axis, x)


def flatten(w: Weights, x: Array, training: bool) -> Array:
    return np.array([sample.ravel(order="C") for sample in x])


def cross_entropy(logits: Array, labels: Array) -> float:
    rows = zip(logits.reshape(-1, logits.shape[-1]), labels.ravel(), strict=True)
    return math.fsum(_exact_log_sum(row) - row[label] for row, label in rows) / labels.size


def mean_squared_error(outputs: Array, targets: Array) -> float:
    pairs = zip(outputs.ravel(), targets.ravel(), strict=True)
    return math.fsum((a - b) ** 2 for a, b in pairs) / targets.size


def mix(x: int) -> int:
    """Wellons' lowbias32 on Python's unbounded integers."""
    x &= 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    x ^= x >> 16
    return x


def hash_bits(position: Array, step: Array, site: int) -> Array:
    key = mix(mix(int(step)) + site)
    words = [mix(mix((int(p) & 0xFFFFFFFF) ^ (site & 0xFFFFFFFF)) ^ key) for p in position]
    return np.array(words, np.uint32).view(np.int32)


def mix_array(w: Weights, x: Array, training: bool) -> Array:
    return np.array([mix(int(v)) for v in x.ravel()], np.uint32).view(np.int32).reshape(x.shape)


def portable_bits(shape: tuple[int, ...], seed: int, path: str, step: int, draw: int = 0) -> Array:
    """What the draw-th random bits of a module are: the hash of each position, as numbers in [0, 1)."""
    digest = hashlib.sha256(f"{seed}\0{path}\0{draw}".encode()).digest()
    site = int.from_bytes(digest[:4], "little", signed=True)
    bits = hash_bits(np.arange(math.prod(shape)), np.asarray(step), site).view(np.uint32)
    return (bits / 2**32).reshape(shape)


def dropout(x: Array, rate: float, seed: int, path: str, step: int) -> Array:
    """With the portable mask: the top 24 bits of the hash of each position, against 1 - rate."""
    kept = portable_bits(x.shape, seed, path, step) < 1 - rate
    return np.where(kept, x / (1 - rate), 0.0)


def assert_standard_normal(y: Array) -> None:
    """Mean, variance and the share within one standard deviation."""
    n = math.sqrt(y.size)
    assert abs(y.mean()) < 5 / n
    assert abs(y.var() - 1) < 8 / n
    assert abs((np.abs(y) < 1).mean() - 0.6827) < 3 / n
