"""Independent formulas of metrics: on all samples at once, on Python's numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Formula = Callable[[Array, Array], Any]
Pairs = list[tuple[int, int]]  # (given, true)


def pairs(outputs: Array, targets: Array, ignored: int | None = None) -> Pairs:
    """The first largest output, and the label, of all labels that count."""
    rows = outputs.reshape(-1, outputs.shape[-1]).tolist()
    labels = targets.ravel().tolist()
    return [
        (row.index(max(row)), label)
        for row, label in zip(rows, labels, strict=True)
        if label != ignored
    ]


def columns(threshold: float) -> Callable[[Array, Array], list[Pairs]]:
    """Each place of the last axis as a label of its own."""

    def found(outputs: Array, targets: Array) -> list[Pairs]:
        width = outputs.shape[-1] if outputs.ndim > 1 else 1
        both = zip(outputs.reshape(-1, width).T, targets.reshape(-1, width).T, strict=True)
        return [
            [(int(x > threshold), int(t)) for x, t in zip(*column, strict=True)] for column in both
        ]

    return found


def pooled(threshold: float) -> Callable[[Array, Array], Pairs]:
    """All places together."""
    return lambda outputs, targets: [
        pair for column in columns(threshold)(outputs, targets) for pair in column
    ]


def one_against_rest(ignored: int | None = None) -> Callable[[Array, Array], list[Pairs]]:
    """Each class as a label of its own."""

    def found(outputs: Array, targets: Array) -> list[Pairs]:
        every = pairs(outputs, targets, ignored)
        return [
            [(int(given == c), int(true == c)) for given, true in every]
            for c in range(outputs.shape[-1])
        ]

    return found


def accuracy(ignored: int | None = None) -> Formula:
    def share(outputs: Array, targets: Array) -> float:
        found = pairs(outputs, targets, ignored)
        return sum(given == true for given, true in found) / len(found)

    return share


def binary_accuracy(threshold: float) -> Formula:
    def share(outputs: Array, targets: Array) -> float:
        return float(
            np.mean([given == true for given, true in pooled(threshold)(outputs, targets)])
        )

    return share


def top_k(k: int, ignored: int | None = None) -> Formula:
    def share(outputs: Array, targets: Array) -> float:
        rows = outputs.reshape(-1, outputs.shape[-1]).tolist()
        hits = [
            label in sorted(range(len(row)), key=lambda i: -row[i])[:k]  # a stable sort
            for row, label in zip(rows, targets.ravel().tolist(), strict=True)
            if label != ignored
        ]
        return sum(hits) / len(hits)

    return share


def _precision(hits: int, given: int, true: int) -> float:
    return hits / given if given else 0.0


def _recall(hits: int, given: int, true: int) -> float:
    return hits / true if true else 0.0


def _f1(hits: int, given: int, true: int) -> float:
    precision, recall = _precision(hits, given, true), _recall(hits, given, true)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


RATIOS = {"precision": _precision, "recall": _recall, "f1": _f1}


def counted(
    name: str, split: Callable[[Array, Array], list[Pairs]], average: str | None = "macro"
) -> Formula:
    """Precision, recall or F1 from counts of each class, and an average."""

    def score(outputs: Array, targets: Array) -> Any:
        counts = [
            (sum(g and t for g, t in c), sum(g for g, _ in c), sum(t for _, t in c))
            for c in split(outputs, targets)
        ]
        each = [RATIOS[name](*of_class) for of_class in counts]
        if average is None:
            return np.array(each)
        if average == "micro":
            return RATIOS[name](*(sum(column) for column in zip(*counts, strict=True)))
        weights = [true if average == "weighted" else 1 for _, _, true in counts]
        return math.fsum(map(float.__mul__, each, map(float, weights))) / sum(weights)

    return score


def confusion(classes: int, found: Callable[[Array, Array], Pairs] = pairs) -> Formula:
    def matrix(outputs: Array, targets: Array) -> Array:
        counts = np.zeros((classes, classes), int)
        for given, true in found(outputs, targets):
            counts[true, given] += 1
        return counts

    return matrix


def _area(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Every positive against every negative."""
    above = [s for s, p in zip(scores, positive, strict=True) if p]
    below = [s for s, p in zip(scores, positive, strict=True) if not p]
    wins = [(a > b) + 0.5 * (a == b) for a, b in itertools.product(above, below)]
    return math.fsum(wins) / len(wins) if wins else math.nan


def area(outputs: Array, targets: Array) -> float:
    width = outputs.shape[-1] if outputs.ndim > 1 else 1
    both = zip(outputs.reshape(-1, width).T, targets.reshape(-1, width).T, strict=True)
    return float(
        np.mean([_area(scores.tolist(), (labels > 0.5).tolist()) for scores, labels in both])
    )


def areas_against_rest(ignored: int | None = None) -> Formula:
    def mean(outputs: Array, targets: Array) -> float:
        kept = targets.ravel() != ignored
        rows, labels = outputs.reshape(-1, outputs.shape[-1])[kept], targets.ravel()[kept]
        powers = np.exp(rows)
        shares = powers / powers.sum(1, keepdims=True)
        found = [_area(shares[:, c].tolist(), (labels == c).tolist()) for c in range(rows.shape[1])]
        return float(np.mean(found))

    return mean


def perplexity(ignored: int | None = None) -> Formula:
    """The inverse of the geometric mean of the tokens' probabilities."""

    def score(outputs: Array, targets: Array) -> float:
        rows = np.exp(outputs.reshape(-1, outputs.shape[-1]))
        shares = rows / rows.sum(1, keepdims=True)
        labels = targets.ravel()
        logs = [math.log(s[t]) for s, t in zip(shares, labels, strict=True) if t != ignored]
        return math.exp(-math.fsum(logs) / len(logs))

    return score


def squared(outputs: Array, targets: Array) -> float:
    return math.fsum(((outputs - targets) ** 2).ravel()) / outputs.size


def absolute(outputs: Array, targets: Array) -> float:
    return math.fsum(abs(outputs - targets).ravel()) / outputs.size


def r2(outputs: Array, targets: Array) -> float:
    width = outputs.shape[-1] if outputs.ndim > 1 else 1
    both = zip(outputs.reshape(-1, width).T, targets.reshape(-1, width).T, strict=True)
    shares = []
    for given, true in both:
        mean = math.fsum(true) / len(true)
        shares.append(1 - math.fsum((given - true) ** 2) / math.fsum((true - mean) ** 2))
    return math.fsum(shares) / len(shares)
