"""Values of averages of weights, in canonical layouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from polydl.training.emission import EmittedTraining
from polydl_flax.weights import to_canonical, to_native

Arrays = dict[str, np.ndarray]


def averages(emitted: EmittedTraining, trainer: Any) -> Arrays:
    """By canonical path, of all parameters that are trained."""
    found = {}
    for path, keys in _places(emitted).items():
        average = trainer.averages
        for key in keys:
            average = average[key]
        found[path] = np.array(to_canonical(np.asarray(average), emitted.bindings[path]))
    return found


def set_averages(emitted: EmittedTraining, trainer: Any, values: Mapping[str, np.ndarray]) -> None:
    for path, keys in _places(emitted).items():
        inner = trainer.averages
        for key in keys[:-1]:
            inner = inner[key]
        leaf = inner[keys[-1]]
        value = to_native(values[path], emitted.bindings[path])
        inner[keys[-1]] = jax.device_put(jnp.asarray(value, leaf.dtype), leaf.sharding)


def _places(emitted: EmittedTraining) -> dict[str, tuple[str | int, ...]]:
    """Keys of nested dicts, those of a list's items being numbers."""
    return {
        path: tuple(int(key) if key.isdigit() else key for key in binding.native.split("."))
        for path, binding in emitted.bindings.items()
        if path in emitted.parts.ranks and path not in emitted.parts.frozen
    }
