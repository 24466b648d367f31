"""Independent formulas of losses: on Python's floats, sample by sample."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# (outputs, targets) -> values
Values = Callable[[Array, Array], Array]


def reduced(
    values: Array, reduction: str = "mean", weights: Array | None = None, counts: Any = 1.0
) -> Array:
    """Values by reduction; weights of the first axes; counts: what each counts in a mean."""
    w = np.ones(values.shape)
    if weights is not None:
        w = np.broadcast_to(
            weights.reshape(weights.shape + (1,) * (w.ndim - weights.ndim)), w.shape
        )
    total = math.fsum((w * values).ravel())
    if reduction == "none":
        return w * values
    if reduction == "sum":
        return np.array(total)
    if reduction == "mean":
        w = np.ones(values.shape)
    count = math.fsum((w * counts).ravel())
    return np.array(total / count if count else 0.0)


def each(function: Callable[[float, float], float]) -> Values:
    """A function of two floats, applied to each element."""
    return np.vectorize(function, otypes=[np.float64])


def huber(delta: float) -> Values:
    def value(o: float, t: float) -> float:
        d = abs(o - t)
        return d * d / 2 if d < delta else delta * d - delta * delta / 2

    return each(value)


def log_cosh(o: float, t: float) -> float:
    d = abs(o - t)
    return math.log(math.cosh(d)) if d < 300 else d - math.log(2)


def log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x)) if x > 0 else x - math.log1p(math.exp(x))


def binary_cross_entropy(weight: float = 1.0) -> Values:
    return each(lambda z, y: -weight * y * log_sigmoid(z) - (1 - y) * log_sigmoid(-z))


def binary_focal(alpha: float | None, gamma: float) -> Values:
    def value(z: float, y: float) -> float:
        log_p = log_sigmoid(z if y == 1 else -z)
        factor = 1.0 if alpha is None else alpha if y == 1 else 1 - alpha
        return -factor * (-math.expm1(log_p)) ** gamma * log_p

    return each(value)


def log_softmax(row: Array) -> list[float]:
    top = float(max(row))
    total = top + math.log(math.fsum(math.exp(v - top) for v in row))
    return [float(v) - total for v in row]


def by_vector(function: Callable[[Array, Any], float]) -> Values:
    """A function of a vector of outputs and its label, or its vector of targets."""

    def values(outputs: Array, targets: Array) -> Array:
        found = [function(outputs[i], targets[i]) for i in np.ndindex(outputs.shape[:-1])]
        return np.array(found).reshape(outputs.shape[:-1])

    return values


def cross_entropy(
    smoothing: float = 0.0, weights: tuple[float, ...] | None = None, ignored: int | None = None
) -> Values:
    """Of a label, or of a distribution over classes."""

    def value(row: Array, target: Any) -> float:
        classes = len(row)
        if np.ndim(target) == 0 and target == ignored:
            return 0.0
        p = [float(c == target) for c in range(classes)] if np.ndim(target) == 0 else target
        smooth = [(1 - smoothing) * x + smoothing / classes for x in p]
        w = weights or [1.0] * classes
        return -math.fsum(w[c] * smooth[c] * x for c, x in enumerate(log_softmax(row)))

    return by_vector(value)


def weight_of_label(
    weights: tuple[float, ...], ignored: int | None = None
) -> Callable[[Array], Any]:
    def weight(label: int) -> float:
        return 0.0 if label == ignored else weights[label]

    return np.vectorize(weight, otypes=[np.float64])


def nll(weights: tuple[float, ...] | None = None, ignored: int | None = None) -> Values:
    def value(row: Array, label: int) -> float:
        if label == ignored:
            return 0.0
        return -float(row[label]) * (weights[label] if weights else 1.0)

    return by_vector(value)


def label_focal(alpha: Any, gamma: float) -> Values:
    def value(row: Array, label: int) -> float:
        others = log_softmax(row)
        rest = math.fsum(math.exp(x) for c, x in enumerate(others) if c != label)
        factor = 1.0 if alpha is None else alpha[label] if isinstance(alpha, tuple) else alpha
        return -factor * rest**gamma * others[label]

    return by_vector(value)


def categorical_hinge(row: Array, label: int) -> float:
    return max(0.0, 1.0 + max(v for c, v in enumerate(row) if c != label) - row[label])


def kl_divergence(log_q: Array, p: Array) -> float:
    return math.fsum(x * (math.log(x) - y) for x, y in zip(p, log_q, strict=True) if x > 0)


def cosine(a: Array, b: Array) -> float:
    return 1.0 - math.cos(math.acos(np.dot(a, b) / (math.hypot(*a) * math.hypot(*b))))


def dice(activation: str | None, smooth: float, squared: bool = False) -> Values:
    """Of (batch, positions..., classes), by class; or of (batch, positions)."""

    def found(outputs: Array) -> Array:
        if activation == "softmax":
            return np.exp(np.apply_along_axis(lambda row: np.array(log_softmax(row)), -1, outputs))
        if activation == "sigmoid":
            return np.exp(np.vectorize(log_sigmoid)(outputs))
        return outputs

    def values(outputs: Array, targets: Array) -> Array:
        p, y = found(outputs), targets
        if p.ndim > 2:
            p, y = (np.moveaxis(a, -1, 1).reshape(len(a), a.shape[-1], -1) for a in (p, y))
        k = 2 if squared else 1
        both = np.einsum("...i,...i->...", p, y)
        return 1 - (2 * both + smooth) / (np.sum(p**k, -1) + np.sum(y**k, -1) + smooth)

    return values


def triplet_margin(
    margin: float = 1.0, p: float = 2.0, epsilon: float = 1e-6, swap: bool = False
) -> Callable[[Array], Array]:
    def distance(a: Array, b: Array) -> float:
        return math.fsum(abs(x - y + epsilon) ** p for x, y in zip(a, b, strict=True)) ** (1 / p)

    def value(anchor: Array, positive: Array, negative: Array) -> float:
        far = distance(anchor, negative)
        if swap:
            far = min(far, distance(positive, negative))
        return max(0.0, distance(anchor, positive) - far + margin)

    return lambda outputs: np.array([value(*vectors) for vectors in outputs])


def contrastive(temperature: float, symmetric: bool = True, both: bool = False) -> Any:
    """-log of e^(similarity of the pair) over the sum of those of the pair and its negatives."""

    def values(outputs: Array) -> Array:
        units = [[v / math.hypot(*v) for v in pair] for pair in outputs]

        def lost(i: int, view: int) -> float:
            def similarity(j: int, other: int) -> float:
                return float(np.dot(units[i][view], units[j][other])) / temperature

            negatives = [similarity(j, 1 - view) for j in range(len(units)) if j != i]
            if both:
                negatives += [similarity(j, view) for j in range(len(units)) if j != i]
            own = similarity(i, 1 - view)
            return math.log1p(math.fsum(math.exp(n - own) for n in negatives))

        views = (0, 1) if symmetric else (0,)
        return np.array([
            math.fsum(lost(i, view) for view in views) / len(views) for i in range(len(units))
        ])  # fmt: skip

    return values


def ctc(blank: int = 0, per_label: bool = False) -> Values:
    """By every alignment there is. Labels below 0 fill rows up."""

    def labels_of(alignment: tuple[int, ...]) -> list[int]:
        return [c for c, _ in itertools.groupby(alignment) if c != blank]

    def value(steps: Array, row: Array) -> float:
        log_p, wanted = [log_softmax(step) for step in steps], [c for c in row if c >= 0]
        probability = math.fsum(
            math.exp(math.fsum(log_p[t][c] for t, c in enumerate(alignment)))
            for alignment in itertools.product(range(steps.shape[1]), repeat=len(steps))
            if labels_of(alignment) == wanted
        )
        return -math.log(probability) / (max(len(wanted), 1) if per_label else 1)

    return lambda outputs, targets: np.array(list(map(value, outputs, targets)))
