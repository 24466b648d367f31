"""What the definitions of several losses need."""

from __future__ import annotations

from typing import Any

import numpy as np

from polydl import ops
from polydl.errors import DataError
from polydl.spec.tensor import Tensor

SUM_TOLERANCE = 1e-3  # by how much probabilities given as data may miss 1


def normalized(x: Tensor, epsilon: float) -> Tensor:
    """x at length 1 along the last axis; a length below epsilon counts as epsilon."""
    square = ops.sum(x * x, -1, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, epsilon * epsilon))


def one_hot(labels: Tensor, classes: Any) -> Tensor:
    """1 at each label, 0 elsewhere, along a new last axis."""
    return (labels[..., None] == ops.arange(classes)).astype("float")


def check_range(name: str, targets: np.ndarray, low: float, high: float, instead: str = "") -> None:
    """Raise DataError for targets outside [low, high]."""
    if targets.min() < low or targets.max() > high:
        raise DataError(
            f"{name}: targets run from {targets.min()} to {targets.max()}, but must be from "
            f"{low:g} to {high:g}{instead}"
        )


def check_only(name: str, targets: np.ndarray, allowed: tuple[float, ...], instead: str) -> None:
    """Raise DataError for targets other than those allowed."""
    wrong = targets[~np.isin(targets, allowed)]
    if wrong.size:
        known = " and ".join(f"{value:g}" for value in allowed)
        raise DataError(f"{name}: targets must be {known}, got {wrong[0]:g}. {instead}")


def check_distributions(name: str, targets: np.ndarray) -> None:
    """Raise DataError for targets that are no probabilities along the last axis."""
    check_range(name, targets, 0, 1)
    sums = targets.sum(-1)
    worst = sums.ravel()[np.abs(sums - 1).argmax()]
    if abs(worst - 1) > SUM_TOLERANCE:
        raise DataError(f"{name}: probabilities must sum to 1 over the last axis, got {worst:g}")
