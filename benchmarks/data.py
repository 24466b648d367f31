"""Batches for both sides: noise and labels."""

from __future__ import annotations

import numpy as np

from benchmarks import sizes


def batches(model_name: str, count: int = 32) -> list[tuple[np.ndarray, np.ndarray]]:
    """Enough of it that no run learns it by heart and meets denormal numbers."""
    rng = np.random.default_rng(0)
    batch, sample = sizes.BATCHES[model_name], sizes.SHAPES[model_name]
    shape = (batch, *sample)
    found = []
    for _ in range(count):
        if model_name in sizes.TOKEN_MODELS:
            x = rng.integers(0, sizes.VOCABULARY, shape).astype(np.int32)
        else:
            x = rng.normal(size=shape).astype(np.float32)
        y = rng.integers(0, sizes.CLASSES, batch)
        if model_name == "gpt2":
            y = np.roll(x, -1, axis=1)
        found.append((x, y.astype(np.int32)))
    return found
