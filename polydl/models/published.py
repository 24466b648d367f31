"""Weights published for other programs: from their names and layouts to our paths and layouts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from polydl.errors import WeightsError

Array: TypeAlias = np.ndarray[Any, Any]
Rule: TypeAlias = tuple[str, str]  # a regular expression of names, and our path, with its groups

# what torch calls the weights of a layer, after the layer's own name
NORM = {"weight": "scale", "bias": "bias"}
BATCH_NORM = {**NORM, "running_mean": "mean", "running_var": "variance"}
DENSE = {"weight": "kernel", "bias": "bias"}


def layer(pattern: str, path: str, names: Mapping[str, str]) -> list[Rule]:
    """A rule for each weight of a layer."""
    return [(rf"{pattern}\.{theirs}", rf"{path}.{ours}") for theirs, ours in names.items()]


def renamed(
    state: Mapping[str, Any], rules: Sequence[Rule], ignored: str = "$^"
) -> dict[str, Array]:
    """A state dict under our paths, each array as it is.

    The first rule whose pattern is the whole name counts; names that match `ignored` are left out.
    Raises WeightsError that names what no rule knows.
    """
    found: dict[str, Array] = {}
    unknown = []
    for name, value in state.items():
        if re.fullmatch(ignored, name):
            continue
        for pattern, path in rules:
            match = re.fullmatch(pattern, name)
            if match:
                found[match.expand(path)] = as_array(value)
                break
        else:
            unknown.append(name)
    if unknown:
        raise WeightsError(
            f"no weight of this model is published as {', '.join(unknown[:5])}"
            f"{' and others' if len(unknown) > 5 else ''}; is it a state_dict of that architecture?"
        )
    return found


def as_array(value: Any) -> Array:
    """A NumPy array of what may be a torch tensor."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def kernel(weight: Array) -> Array:
    """torch's (outputs, inputs, *window) as (*window, inputs, outputs)."""
    return np.ascontiguousarray(np.moveaxis(weight, (0, 1), (-1, -2)))


def with_kernels(weights: Mapping[str, Array]) -> dict[str, Array]:
    """torch's layouts of linear layers and convolutions as ours, for what is called a kernel."""
    return {
        path: kernel(value) if path.endswith("kernel") and value.ndim > 1 else value
        for path, value in weights.items()
    }
