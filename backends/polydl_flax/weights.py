"""Canonical weights into and out of NNX modules, by the paths that the emitter gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import nnx

from polydl.emission.emitted import Binding
from polydl.precision import is_low
from polydl_flax.construct import placed

Bindings = Mapping[str, Binding]


def variable_at(module: nnx.Module, path: str) -> nnx.Variable[Any]:
    """The Variable that `blocks.0.attn.qkv.kernel` leads to."""
    place: Any = module
    for step in path.split("."):
        place = place[int(step)] if step.isdigit() else getattr(place, step)
    return place


def to_native(value: np.ndarray, binding: Binding) -> np.ndarray:
    return value if binding.axes is None else np.transpose(value, binding.axes)


def to_canonical(value: np.ndarray, binding: Binding) -> np.ndarray:
    return value if binding.axes is None else np.transpose(value, np.argsort(binding.axes))


def to_numpy(value: Any) -> np.ndarray:
    """A copy; of one of the half-size types, which NumPy lacks or keeps apart, as float32."""
    array = np.asarray(value)
    return np.array(array, np.float32 if is_low(array.dtype.name) else None)


def get_weights(module: nnx.Module, bindings: Bindings) -> dict[str, np.ndarray]:
    """Every entry in its canonical layout, copied."""
    return {
        path: np.array(to_canonical(to_numpy(variable_at(module, b.native)[...]), b))
        for path, b in bindings.items()
    }


def set_weights(
    module: nnx.Module,
    bindings: Bindings,
    weights: Mapping[str, np.ndarray],
    device: jax.Device | None = None,
) -> None:
    """Put the entries that `weights` holds into the module, in the dtype that they have there."""
    for path, value in weights.items():
        variable = variable_at(module, bindings[path].native)
        native = to_native(np.asarray(value), bindings[path])
        variable.set_value(placed(native.astype(variable.get_value().dtype), device))
