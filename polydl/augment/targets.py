"""Targets that samples can be mixed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from polydl.errors import DataError


def one_hot(labels: Any, classes: int, dtype: Any = np.float32) -> np.ndarray:
    """1 at each label, 0 elsewhere, along a new last axis. Raises DataError for other labels."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise DataError(f"labels must be integers, got {labels.dtype}")
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise DataError(
            f"labels run from {labels.min()} to {labels.max()}, of the classes 0 to {classes - 1}"
        )
    return (labels[..., None] == np.arange(classes)).astype(dtype)


def soft_targets(targets: Any, augmentations: Sequence[Any], dtype: Any) -> Any:
    """Integer labels as one-hot where an augmentation mixes targets and says how many there are."""
    classes = [one.classes for one in augmentations if getattr(one, "classes", None) is not None]
    if not classes or targets is None or np.asarray(targets).dtype.kind not in "iu":
        return targets
    return one_hot(targets, classes[0], dtype)


def mixed(shares, first, second):
    """share * first + (1 - share) * second, with a share for each sample."""
    shares = shares.reshape(-1, *[1] * (first.ndim - 1)).astype(first.dtype)
    return shares * first + (1 - shares) * second
