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
