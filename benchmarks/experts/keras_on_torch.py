"""The digits CNN in plain Keras with PyTorch underneath: what Keras charges for that.

A process of its own, for KERAS_BACKEND: `python -m benchmarks.experts.keras_on_torch [--threads 2]`
prints one line of JSON with milliseconds a training step, the faster of `fit` and `train_on_batch`.
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
from keras import layers

from benchmarks.timing import CLOCKS, Clock, no_collector

BATCH = 128


def build() -> keras.Model:
    x = inputs = keras.Input((8, 8, 1))
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
        x = layers.ReLU()(x)
    x = layers.Dropout(0.25)(layers.MaxPooling2D(2)(x))
    model = keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3, epsilon=1e-8), loss=loss)
    return model


class StepClock(keras.callbacks.Callback):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.began = clock, []

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self.began.append(self.clock())


def fit_seconds(model: keras.Model, x: np.ndarray, y: np.ndarray, clock: Clock) -> list[float]:
    steps = StepClock(clock)
    model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[steps])
    return list(np.diff(steps.began)[2:])


def train_on_batch_seconds(
    model: keras.Model, x: np.ndarray, y: np.ndarray, clock: Clock
) -> list[float]:
    seconds = []
    for start in range(0, len(x), BATCH):
        before = clock()
        model.train_on_batch(x[start : start + BATCH], y[start : start + BATCH])
        seconds.append(clock() - before)
    return seconds


def measure(clock: Clock, rounds: int = 4, steps: int = 15) -> dict[str, float]:
    """Milliseconds a step of both, in turns; a median of the rounds' medians."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(steps * BATCH, 8, 8, 1)).astype(np.float32)
    y = rng.integers(0, 10, steps * BATCH).astype(np.int32)
    ways = {"fit": fit_seconds, "train_on_batch": train_on_batch_seconds}
    models = {name: build() for name in ways}
    medians: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            with no_collector():
                seconds = way(models[name], x, y, clock)
            if number:  # the first round warms up
                medians[name].append(statistics.median(seconds))
    return {name: 1e3 * statistics.median(values) for name, values in medians.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = measure(CLOCKS[options.clock])
    way = min(found, key=found.__getitem__)
    row = {"model": "cnn", "what": "training step, Keras on torch", "expert_ms": found[way]}
    print(json.dumps({**row, "way": way, "ways_ms": found}))


if __name__ == "__main__":
    main()
