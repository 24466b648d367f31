"""Keras as its guides have it: `compile` and `fit` with their defaults, one step in the middle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks import sizes
from benchmarks.experts import keras_models
from benchmarks.experts.keras_expert import Fit, adam, set_threads
from benchmarks.timing import Clock

__all__ = ["WAYS", "set_threads"]


class Loop:
    def __init__(self, model_name: str, x: np.ndarray, y: np.ndarray) -> None:
        model = (
            keras_models.transformer(keras_models.stock_attention)
            if model_name == "transformer"
            else keras_models.build(model_name)
        )
        self.fit, self.x, self.y = Fit(model, adam(), sizes.BATCHES[model_name]), x, y

    def seconds_per_step(self, clock: Clock) -> float:
        return self.fit.seconds_per_step(self.x, self.y, clock)


WAYS: dict[str, Callable[[str, np.ndarray, np.ndarray], Loop]] = {"fit": Loop}
