"""Optimizers' update rules, run on the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from polydl.optimizers.optimizer import Optimizer
from polydl.reference.interpreter import evaluate_block

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]


def initial_slots(optimizer: Optimizer, parameters: Arrays) -> dict[str, dict[str, Array]]:
    """Zeros for each slot of the optimizer, by slot and then by path."""
    return {
        slot: {path: np.zeros(np.shape(value)) for path, value in parameters.items()}
        for slot in optimizer.slots
    }


def update(
    optimizer: Optimizer,
    parameters: Arrays,
    gradients: Arrays,
    slots: Mapping[str, Arrays],
    step: int,
) -> tuple[dict[str, Array], dict[str, dict[str, Array]]]:
    """(parameters, slots) after one update. step is 1 at the first.

    parameters and gradients by path; slots by slot and then by path. The rule sees each
    parameter as one long axis.
    """
    rule = optimizer.trace()
    updated: dict[str, Array] = {}
    moved: dict[str, dict[str, Array]] = {slot: {} for slot in optimizer.slots}
    for path, parameter in parameters.items():
        arrays = [parameter, gradients[path], *(slots[slot][path] for slot in optimizer.slots)]
        flat = [np.asarray(array, np.float64).reshape(-1) for array in arrays]
        count = np.asarray(step, np.int32)
        results = [
            x.reshape(np.shape(parameter))
            for x in evaluate_block(rule, [*flat[:2], count, *flat[2:]])
        ]
        updated[path] = results[0]
        for slot, value in zip(optimizer.slots, results[1:], strict=True):
            moved[slot][path] = value
    return updated, moved
