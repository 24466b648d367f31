"""Slices at places that are known only when the model runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def update_slice(x: Array, part: Array, start: Array, axis: int) -> Array:
    """x with part in place of its slice from start on, moved until it fits."""
    first = min(max(int(start), 0), x.shape[axis] - part.shape[axis])
    y = np.moveaxis(x, axis, 0).copy()
    y[first : first + part.shape[axis]] = np.moveaxis(part, axis, 0)
    return np.moveaxis(y, 0, axis)


SLICES: dict[str, Callable[..., Any]] = {"update_slice": update_slice}
