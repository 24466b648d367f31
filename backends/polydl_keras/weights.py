"""Variables of an emitted model by canonical path, and how entries lie in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from polydl.emission.emitted import Binding
from polydl.errors import WeightsError


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


def same_layers(own: Any, saved: Any) -> None:
    """Raise WeightsError unless the weights of two models belong to layers of the same Keras classes.

    Layers of other classes may hold as many numbers in another order: Keras' GRU has its gates as
    z, r, n, a definition of ours as r, z, n.
    """
    mine, given = _holders(own), _holders(saved)
    for variable, other in zip(own.weights, saved.weights, strict=False):
        expected, found = mine[id(variable)], given[id(other)]
        if expected is not found:
            raise WeightsError(
                f"{variable.path} belongs to a {_called(expected)} here and {other.path} to a "
                f"{_called(found)} in the saved model; they may hold their weights in other orders. "
                "Load into a net that is emitted with the same layer (see its source), and carry "
                "over its net.weights"
            )


def _holders(model: Any) -> dict[int, type]:
    """By a variable's id, the most special class of Keras' own that the layer holding it is."""
    found: dict[int, type] = {}
    for layer in model._flatten_layers():
        own = next(c for c in type(layer).__mro__ if c.__module__.startswith("keras."))
        for variable in layer._trainable_variables + layer._non_trainable_variables:
            found[id(variable)] = own
    return found


def _called(kind: type) -> str:
    return "layer of its own class" if kind.__name__ == "Layer" else f"keras {kind.__name__}"


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
