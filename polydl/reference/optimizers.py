"""Optimizers' update rules, run on the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from polydl.optimizers.optimizer import Optimizer
from polydl.reference.interpreter import evaluate_block
from polydl.schedules.schedule import Schedule

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
Slots = dict[str, dict[str, Array]]  # by slot and then by path, of the parameters that have it


def initial_slots(optimizer: Optimizer, parameters: Arrays) -> Slots:
    """What each slot of each parameter begins with."""
    slots: Slots = {}
    for path, value in parameters.items():
        rule = optimizer.for_parameter(path, np.shape(value))
        for slot in rule.slots:
            shape = rule.slot_shape(slot, np.shape(value))
            slots.setdefault(slot, {})[path] = np.full(shape, rule.slot_fill(slot))
    return slots


def learning_rate(optimizer: Optimizer, step: int) -> float:
    """The rate of the update that is the step-th, the first being 1."""
    if not isinstance(optimizer.learning_rate, Schedule):
        return optimizer.learning_rate
    (rate,) = evaluate_block(optimizer.learning_rate.trace(), [np.asarray(step - 1, np.int32)])
    return float(rate)


def update(
    optimizer: Optimizer,
    parameters: Arrays,
    gradients: Arrays,
    slots: Mapping[str, Arrays],
    step: int,
) -> tuple[dict[str, Array], Slots]:
    """(parameters, slots) after one update. step is 1 at the first.

    parameters and gradients by path; slots by slot and then by path. An elementwise rule sees each
    parameter as one long axis, others see its shape. The rate is an input where it is scheduled.
    """
    updated: dict[str, Array] = {}
    moved: Slots = {}
    for path, parameter in parameters.items():
        rule = optimizer.for_parameter(path, np.shape(parameter))
        before = {slot: slots[slot][path] for slot in rule.slots}
        updated[path], after = _one(rule, parameter, gradients[path], before, step)
        for slot, value in after.items():
            moved.setdefault(slot, {})[path] = value
    return updated, moved


def _one(
    rule: Optimizer, parameter: Array, gradient: Array, slots: Arrays, step: int
) -> tuple[Array, dict[str, Array]]:
    shape = np.shape(parameter)
    seen = (int(np.prod(shape)),) if rule.elementwise else shape
    shapes = [seen, *(rule.slot_shape(slot, seen) for slot in rule.slots)]
    scheduled = isinstance(rule.learning_rate, Schedule)
    blocks = rule.trace("", None if rule.elementwise else shape, scheduled)
    values = [np.asarray(parameter, np.float64), *map(np.asarray, slots.values())]
    values = [value.reshape(size) for value, size in zip(values, shapes, strict=True)]
    rate = [np.asarray(learning_rate(rule, step))] if scheduled else []
    given = [values[0], np.reshape(gradient, seen), np.asarray(step, np.int32), *rate, *values[1:]]
    results = evaluate_block(blocks, given)
    own = [np.shape(value) for value in slots.values()]
    value, *after = (x.reshape(size) for x, size in zip(results, [shape, *own], strict=True))
    return value, dict(zip(slots, after, strict=True))
