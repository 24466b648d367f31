"""Variables of an emitted model by canonical path, and how entries lie in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from polydl.emission.emitted import Binding


def find_variable(model: Any, place: str) -> Any:
    """The variable at `layer name/attribute.path`, as the emitter writes it."""
    layer, _, path = place.partition("/")
    found = model.get_layer(layer)
    for step in path.split("."):
        found = found[int(step)] if step.isdigit() else getattr(found, step)
    return found


def variables(model: Any, bindings: Mapping[str, Binding]) -> dict[str, Any]:
    """Each entry's variable."""
    return {path: find_variable(model, binding.native) for path, binding in bindings.items()}


def to_canonical(array: np.ndarray, binding: Binding) -> np.ndarray:
    """An entry, of its variable's array."""
    if binding.row is not None:
        array = array[binding.row]
    return _reordered(array, tuple(np.argsort(binding.parts)))


def to_native(value: np.ndarray, binding: Binding, variable: Any) -> np.ndarray:
    """Its variable's array with a new value of an entry."""
    value = _reordered(value, binding.parts)
    if binding.row is None:
        return value
    array = np.array(variable)
    array[binding.row] = value
    return array


def _reordered(array: np.ndarray, parts: tuple[int, ...]) -> np.ndarray:
    if not parts:
        return array
    pieces = np.split(array, len(parts), axis=-1)
    return np.concatenate([pieces[i] for i in parts], axis=-1)
