"""What Keras' optimizers carry, in canonical layouts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from polydl.backend import NativeModel, OptimizerState
from polydl.emission.emitted import Binding
from polydl.training.emission import EmittedTraining
from polydl.training.rule_groups import (
    RuleGroup,
    ends_like_parameter,
    lies_like_parameter,
    native_slot,
    rule_groups,
)
from polydl_keras.engine import keras
from polydl_keras.optimizers import native_optimizer
from polydl_keras.weights import find_variable, to_canonical, to_native


def optimizer_state(emitted: EmittedTraining, model: NativeModel, trainer: Any) -> OptimizerState:
    """By canonical path and slot."""
    found: OptimizerState = {}
    for group, path, slot, variable in _slots(emitted, model, trainer):
        value = np.array(keras.ops.convert_to_numpy(variable))
        if (binding := _binding(emitted, group, path, slot)) is not None:
            value = to_canonical(value, binding)
        found.setdefault(path, {})[slot] = value
    return found


def set_optimizer_state(
    emitted: EmittedTraining, model: NativeModel, trainer: Any, state: OptimizerState, step: int
) -> None:
    for group, path, slot, variable in _slots(emitted, model, trainer):
        value = state[path][slot]
        if (binding := _binding(emitted, group, path, slot)) is not None:
            value = to_native(value, binding, variable)
        variable.assign(value)
    for optimizer, _ in _optimizers(emitted, trainer):
        optimizer.iterations.assign(step)


def _binding(emitted: EmittedTraining, group: RuleGroup, path: str, slot: str) -> Binding | None:
    """How a slot lies: as its parameter, along the last axis only, or as the rule sees it."""
    if lies_like_parameter(group, slot):
        return emitted.bindings[path]
    if ends_like_parameter(group, slot):
        return emitted.bindings[path]._replace(row=None)
    return None


def updates(emitted: EmittedTraining, trainer: Any) -> int:
    """How many updates the optimizers have counted."""
    return max(int(optimizer.iterations) for optimizer, _ in _optimizers(emitted, trainer))


def _optimizers(emitted: EmittedTraining, trainer: Any) -> list[tuple[Any, RuleGroup]]:
    groups = rule_groups(emitted.parts, native_optimizer)
    if len(groups) > 1:
        return [(o, g) for (o, _), g in zip(trainer.groups, groups, strict=True)]
    own = trainer.optimizer if hasattr(trainer, "optimizer") else trainer.model.optimizer
    return [(own, groups[0])]


def _slots(
    emitted: EmittedTraining, model: NativeModel, trainer: Any
) -> Iterator[tuple[RuleGroup, str, str, Any]]:
    """Each slot's variable."""
    for optimizer, group in _optimizers(emitted, trainer):
        if not optimizer.built:
            optimizer.build(trainer.model.trainable_variables)
        for path in group.paths:
            variable = find_variable(model.native, emitted.bindings[path].native)
            index = optimizer._get_variable_index(variable)
            for slot in group.optimizer.slots:
                name = native_slot(group, slot)
                own = optimizer.slots[name] if group.native is None else getattr(optimizer, name)
                yield group, path, slot, own[index]
