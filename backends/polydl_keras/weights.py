"""Variables of an emitted model by canonical path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polydl.emission.emitted import Binding


def find_variable(model: Any, place: str) -> Any:
    """The variable at `layer name/attribute.path`, as the emitter writes it."""
    layer, _, path = place.partition("/")
    found = model.get_layer(layer)
    for step in path.split("."):
        found = found[int(step)] if step.isdigit() else getattr(found, step)
    return found


def variables(model: Any, bindings: Mapping[str, Binding]) -> dict[str, Any]:
    """Each entry's variable. Keras' layouts are ours."""
    return {path: find_variable(model, binding.native) for path, binding in bindings.items()}
