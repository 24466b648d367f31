"""Averages of weights: the text of their part of a step, and their values in canonical layouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from polydl.backend import NativeModel
from polydl.emission.code import INDENT
from polydl.training.emission import EmittedTraining, TrainingParts
from polydl.training.rule_groups import RuleGroup
from polydl_keras.engine import keras
from polydl_keras.optimizer_text import trained_text
from polydl_keras.weights import find_variable, to_canonical, to_native

Arrays = dict[str, np.ndarray]


def average_lines(parts: TrainingParts, groups: Sequence[RuleGroup]) -> list[str]:
    """Statements of Trainer.__init__."""
    if parts.average_weight is None:
        return []
    return [
        f"self.averaged = {trained_text(parts, groups)}",
        "self.averages = [tf.Variable(tf.identity(v.value)) for v in self.averaged]",
    ]


def moving_lines(parts: TrainingParts) -> list[str]:
    """Statements after an update."""
    if parts.average_weight is None:
        return []
    return [
        "for average, v in zip(self.averages, self.averaged):",
        f"{INDENT}average.assign_add({parts.average_weight} * (v - average))",
    ]


def with_averages(parts: TrainingParts, lines: Sequence[str]) -> list[str]:
    """Statements that see averages where variables are read."""
    if parts.average_weight is None:
        return list(lines)
    return [
        "averages = zip(self.averaged, self.averages)",
        "with keras.StatelessScope(state_mapping=averages):",
        *(INDENT + line for line in lines),
    ]


def averages(emitted: EmittedTraining, model: NativeModel, trainer: Any) -> Arrays:
    """By canonical path, of all parameters that are trained."""
    return {
        path: np.array(to_canonical(keras.ops.convert_to_numpy(average), emitted.bindings[path]))
        for path, average in _places(emitted, model, trainer).items()
    }


def set_averages(
    emitted: EmittedTraining, model: NativeModel, trainer: Any, values: Mapping[str, np.ndarray]
) -> None:
    for path, average in _places(emitted, model, trainer).items():
        average.assign(to_native(values[path], emitted.bindings[path], average))


def _places(emitted: EmittedTraining, model: NativeModel, trainer: Any) -> dict[str, Any]:
    parts = emitted.parts
    known = {v.path: average for v, average in zip(trainer.averaged, trainer.averages, strict=True)}
    return {
        path: known[find_variable(model.native, parts.bindings[path].native).path]
        for path in parts.ranks
        if path not in parts.frozen
    }
