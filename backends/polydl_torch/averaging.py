"""Averages of weights: the text of their part of a step, and their values in canonical layouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from polydl.emission.code import INDENT
from polydl.training.emission import EmittedTraining, TrainingParts
from polydl_torch.optimizer_text import chosen_names

Arrays = dict[str, np.ndarray]


def average_lines(parts: TrainingParts) -> list[str]:
    """Statements of Trainer.__init__."""
    if parts.average_weight is None:
        return []
    trained = {b.native for p, b in parts.bindings.items() if p in parts.ranks}
    trained -= {parts.bindings[path].native for path in parts.frozen}
    chosen = chosen_names(parts, trained)
    named = "dict(model.named_parameters())"
    return [
        f"self.weights = {f'{{name: named[name] {chosen}}}' if chosen else named}",
        "self.averages = {name: p.detach().clone() for name, p in self.weights.items()}",
    ]


def moving_lines(parts: TrainingParts) -> list[str]:
    """Statements after an update."""
    if parts.average_weight is None:
        return []
    averages, weights = "list(self.averages.values())", "list(self.weights.values())"
    return [
        "with torch.no_grad():",
        f"{INDENT}torch._foreach_lerp_({averages}, {weights}, {parts.average_weight})",
    ]


def averages(emitted: EmittedTraining, trainer: Any) -> Arrays:
    """By canonical path, of all parameters that are trained."""
    found = {}
    for path, average in _places(emitted, trainer).items():
        value, axes = average.cpu().numpy(), emitted.bindings[path].axes
        found[path] = np.array(value if axes is None else value.transpose(np.argsort(axes)))
    return found


def set_averages(emitted: EmittedTraining, trainer: Any, values: Mapping[str, np.ndarray]) -> None:
    for path, average in _places(emitted, trainer).items():
        axes = emitted.bindings[path].axes
        value = values[path] if axes is None else values[path].transpose(axes)
        average.copy_(torch.from_numpy(np.array(value, order="C")))


def _places(emitted: EmittedTraining, trainer: Any) -> dict[str, torch.Tensor]:
    """The average of each parameter, also of one that another parameter's name stands for."""
    named = dict(trainer.model.named_parameters(remove_duplicate=False))
    known = {id(trainer.weights[name]): average for name, average in trainer.averages.items()}
    parts = emitted.parts
    return {
        path: known[id(named[parts.bindings[path].native])]
        for path in parts.ranks
        if path not in parts.frozen
    }
