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
Moved = tuple[Optimizer, float]  # the rule that moves a parameter, and a factor of its rate
Rules = Optimizer | Mapping[str, Moved]


def initial_slots(rules: Rules, parameters: Arrays) -> Slots:
    """What each slot of each parameter begins with. rules: as in `update`."""
    slots: Slots = {}
    for path, value in parameters.items():
        if isinstance(rules, Mapping) and path not in rules:
            continue
        rule, _ = _moved(rules, path, value)
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
    rules: Rules, parameters: Arrays, gradients: Arrays, slots: Mapping[str, Arrays], step: int
) -> tuple[dict[str, Array], Slots]:
    """(parameters, slots) after one update. step is 1 at the first.

    rules: an optimizer, or what moves each parameter, by path; those that nothing moves stay.
    parameters and gradients by path; slots by slot and then by path. An elementwise rule sees each
    parameter as one long axis, others see its shape. The learning rate is always an input.
    """
    updated = {path: np.asarray(value, np.float64) for path, value in parameters.items()}
    moved: Slots = {}
    for path, value in updated.items():
        if isinstance(rules, Mapping) and path not in rules:
            continue
        rule, factor = _moved(rules, path, value)
        before = {slot: slots[slot][path] for slot in rule.slots}
        rate = factor * learning_rate(rule, step)
        updated[path], after = _one(rule, value, gradients[path], before, step, rate)
        for slot, array in after.items():
            moved.setdefault(slot, {})[path] = array
    return updated, moved


def _moved(rules: Rules, path: str, value: Array) -> Moved:
    if isinstance(rules, Mapping):
        return rules[path]
    shape = np.shape(value)
    return rules.for_parameter(path, shape), rules.rate_for(path, shape)


def _one(
    rule: Optimizer, parameter: Array, gradient: Array, slots: Arrays, step: int, rate: float
) -> tuple[Array, dict[str, Array]]:
    shape = np.shape(parameter)
    seen = (int(np.prod(shape)),) if rule.elementwise else shape
    blocks = rule.trace("", None if rule.elementwise else shape, takes_rate=True)
    count, own = np.asarray(step, np.int32), [np.shape(value) for value in slots.values()]
    carried = [np.reshape(value, rule.slot_shape(slot, seen)) for slot, value in slots.items()]
    given = [np.reshape(parameter, seen), np.reshape(gradient, seen), count, np.asarray(rate)]
    results = evaluate_block(blocks, [*given, *carried])
    value, *after = (x.reshape(size) for x, size in zip(results, [shape, *own], strict=True))
    return value, dict(zip(slots, after, strict=True))
