"""Models in plain Keras with PyTorch underneath: what Keras charges for that.

A process of its own, for KERAS_BACKEND: `python -m benchmarks.experts.keras_on_torch [--threads 2]`
prints a line of JSON a model with milliseconds a training step, the faster of `fit` and
`train_on_batch`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

from benchmarks import sizes
from benchmarks.data import batches
from benchmarks.experts import keras_models
from benchmarks.timing import CLOCKS, Clock, no_collector


def build(model_name: str) -> keras.Model:
    model = keras_models.build(model_name)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3, epsilon=1e-8), loss=loss)
    return model


class StepClock(keras.callbacks.Callback):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.began = clock, []

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self.began.append(self.clock())


def fit_seconds(
    model: keras.Model, x: np.ndarray, y: np.ndarray, batch: int, clock: Clock
) -> list[float]:
    steps = StepClock(clock)
    model.fit(x, y, batch_size=batch, verbose=0, callbacks=[steps])
    return list(np.diff(steps.began)[2:])


def train_on_batch_seconds(
    model: keras.Model, x: np.ndarray, y: np.ndarray, batch: int, clock: Clock
) -> list[float]:
    seconds = []
    for start in range(0, len(x), batch):
        before = clock()
        model.train_on_batch(x[start : start + batch], y[start : start + batch])
        seconds.append(clock() - before)
    return seconds


def measure(model_name: str, clock: Clock, rounds: int = 4, steps: int = 15) -> dict[str, float]:
    """Milliseconds a step of both, in turns; a median of the rounds' medians."""
    x, y = (np.concatenate(arrays) for arrays in zip(*batches(model_name, steps), strict=True))
    ways = {"fit": fit_seconds, "train_on_batch": train_on_batch_seconds}
    models = {name: build(model_name) for name in ways}
    medians: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            with no_collector():
                seconds = way(models[name], x, y, sizes.BATCHES[model_name], clock)
            if number:  # the first round warms up
                medians[name].append(statistics.median(seconds))
    return {name: 1e3 * statistics.median(values) for name, values in medians.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", nargs="+", choices=sizes.MODELS, default=sizes.KERAS_ON_TORCH)
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for model_name in options.models:
        found = measure(model_name, CLOCKS[options.clock])
        way = min(found, key=found.__getitem__)
        row = {"model": model_name, "what": f"{model_name} training step, Keras on torch"}
        print(
            json.dumps({**row, "expert_ms": found[way], "way": way, "ways_ms": found}), flush=True
        )


if __name__ == "__main__":
    main()
