"""Sample arrays from a seeded generator, away from ties and other degenerate points."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from polydl.program.types import Entry, Program

Array = np.ndarray[Any, Any]
Rng = np.random.Generator
Sampler = Callable[[Rng], Array]


def generator(name: str, seed: int = 0) -> Rng:
    """The generator of a row: the same on every machine."""
    return np.random.default_rng([zlib.crc32(name.encode()), seed])


def normal(*shape: int, mean: float = 0.0, stddev: float = 1.0) -> Sampler:
    return lambda rng: mean + stddev * rng.standard_normal(shape)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Sampler:
    return lambda rng: rng.uniform(low, high, shape)


def integers(*shape: int, low: int = 0, high: int = 10) -> Sampler:
    """int32 from low to high - 1."""
    return lambda rng: rng.integers(low, high, shape).astype(np.int32)


def booleans(*shape: int) -> Sampler:
    return lambda rng: rng.random(shape) < 0.5


def spread(*shape: int, low: float = -1.8, high: float = 2.2) -> Sampler:
    """Evenly spaced numbers in random order: no two are near each other, none is near 0."""

    def sample(rng: Rng) -> Array:
        count = int(np.prod(shape))
        values = low + (high - low) * (np.arange(count) + 0.5) / count
        gap = (high - low) / max(count, 1)
        values = np.where(np.abs(values) < gap / 4, gap / 4, values)
        return rng.permutation(values).reshape(shape)

    return sample


def fixed(values: Any, dtype: Any = np.float64) -> Sampler:
    return lambda rng: np.array(values, dtype)


def sample_weights(program: Program, rng: Rng) -> dict[str, Array]:
    """A generic value for every Entry: no zeros, no ones, and variances above 0."""
    return {path: _entry(entry, rng) for path, entry in program.entries.items()}


def _entry(entry: Entry, rng: Rng) -> Array:
    if entry.dtype != "float":
        return np.zeros(entry.shape, np.int32 if entry.dtype == "int" else np.bool_)
    if entry.role == "state" or entry.path.endswith("scale"):
        return rng.uniform(0.5, 1.5, entry.shape)
    inputs = int(np.prod(entry.shape[:-1])) or 1
    return rng.standard_normal(entry.shape) / np.sqrt(max(inputs, 4)) * 1.5
