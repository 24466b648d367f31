"""The benchmarked models as polydl definitions. Their experts are in `experts/`."""

from __future__ import annotations

import numpy as np

import polydl as dl

BATCH = 128
SHAPES = {"cnn": (8, 8, 1), "mlp": (784,)}


def define(model_name: str) -> tuple[dl.Module, dl.Input]:
    if model_name == "mlp":
        layers = [dl.Dense(512), dl.relu, dl.Dense(256), dl.relu, dl.Dense(10)]
    else:
        layers = []
        for filters in (32, 64):
            layers += [dl.Conv2D(filters, 3, padding="same"), dl.BatchNorm(), dl.relu]
        layers += [dl.MaxPool2D(2), dl.Dropout(0.25), dl.Flatten(), dl.Dense(10)]
    return dl.Sequential(*layers), dl.Input((None, *SHAPES[model_name]))


def training() -> dl.Training:
    return dl.Training(
        loss=dl.CrossEntropy(), optimizer=dl.Adam(1e-3, epsilon=1e-8), batch_size=BATCH
    )


def batches(model_name: str, count: int = 32) -> list[tuple[np.ndarray, np.ndarray]]:
    """Noise and labels: enough of it that no run learns it by heart and meets denormal numbers."""
    rng = np.random.default_rng(0)
    size = (BATCH, *SHAPES[model_name])
    return [
        (rng.normal(size=size).astype(np.float32), rng.integers(0, 10, BATCH).astype(np.int32))
        for _ in range(count)
    ]


class ResidualBlock(dl.Module):
    def __init__(self, width: int, hidden: int):
        self.norm = dl.LayerNorm()
        self.expand = dl.Dense(hidden)
        self.project = dl.Dense(width)

    def __call__(self, x):
        return x + self.project(dl.gelu(self.expand(self.norm(x))))


class Deep(dl.Module):
    """Many blocks: what tracing and emitting cost. Sizes vary, so that no two calls are alike."""

    def __init__(self, blocks: int, width: int = 64):
        self.blocks = [ResidualBlock(width, 64 + 8 * (i % 4)) for i in range(blocks)]
        self.head = dl.Dense(10)

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def deep(blocks: int) -> tuple[dl.Module, dl.Input]:
    return Deep(blocks), dl.Input((None, 64))
