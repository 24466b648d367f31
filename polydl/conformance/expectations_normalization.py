"""What normalisation should compute, written in another way."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from polydl.conformance.expectations import Array
from polydl.conformance.row import Weights


def group_norm(groups: int, epsilon: float) -> Callable[[Weights, Array, bool], Array]:
    def formula(w: Weights, x: Array, training: bool) -> Array:
        y = np.empty_like(x)
        for sample in range(len(x)):
            for members in np.split(np.arange(x.shape[-1]), groups):
                values = x[sample][..., members]
                spread = math.sqrt(values.var() + epsilon)
                y[sample][..., members] = (values - values.mean()) / spread
        return y * w["scale"] + w["bias"]

    return formula


def layer_norm(
    axes: int | tuple[int, ...], epsilon: float
) -> Callable[[Weights, Array, bool], Array]:
    """The named axes moved to the end, and rows of them normalised."""

    def formula(w: Weights, x: Array, training: bool) -> Array:
        named = sorted(axis % x.ndim for axis in ((axes,) if isinstance(axes, int) else axes))
        end = [*range(-len(named), 0)]
        moved = np.moveaxis(x, named, end)
        rows = moved.reshape(-1, w["scale"].size)
        rows = np.stack([(r - r.mean()) / math.sqrt(r.var() + epsilon) for r in rows])
        return np.moveaxis(rows.reshape(moved.shape) * w["scale"] + w["bias"], end, named)

    return formula
