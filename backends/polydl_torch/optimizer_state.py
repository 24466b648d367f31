"""What torch's optimizers carry, in canonical layouts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from polydl.backend import OptimizerState
from polydl.emission.emitted import Binding
from polydl.training.emission import EmittedTraining
from polydl.training.rule_groups import (
    RuleGroup,
    first_value,
    lies_like_parameter,
    native_slot,
    rule_groups,
)
from polydl_torch.optimizer_text import optimizers_of
from polydl_torch.optimizers import native_optimizer


def optimizer_state(emitted: EmittedTraining, trainer: Any) -> OptimizerState:
    """By canonical path and slot. What has not moved yet has its first values."""
    found: OptimizerState = {}
    for group, path, parameter, optimizer in _parameters(emitted, trainer):
        carried = optimizer.state.get(parameter, {})
        found[path] = {
            slot: _canonical(emitted.bindings[path], group, slot, parameter, carried)
            for slot in group.optimizer.slots
        }
    return found


def set_optimizer_state(
    emitted: EmittedTraining, trainer: Any, state: OptimizerState, step: int
) -> None:
    for group, path, parameter, optimizer in _parameters(emitted, trainer):
        binding = emitted.bindings[path]
        dtype = torch.int32 if group.native is None else torch.float32
        optimizer.state[parameter] = {"step": torch.tensor(step, dtype=dtype)}
        for slot, value in state[path].items():
            like_parameter = lies_like_parameter(group, slot)
            if like_parameter and binding.axes is not None:
                value = value.transpose(binding.axes)
            array = torch.from_numpy(np.array(value, order="C"))
            made = torch.empty_like(parameter) if like_parameter else torch.empty(array.shape)
            made = made.to(parameter.device, parameter.dtype).detach().copy_(array)
            optimizer.state[parameter][native_slot(group, slot)] = made


def updates(emitted: EmittedTraining, trainer: Any) -> int:
    """How many updates the optimizers have counted; 0 where none counts."""
    for _, _, parameter, optimizer in _parameters(emitted, trainer):
        if "step" in optimizer.state.get(parameter, {}):
            return int(optimizer.state[parameter]["step"])
    return 0


def _parameters(
    emitted: EmittedTraining, trainer: Any
) -> Iterator[tuple[RuleGroup, str, torch.nn.Parameter, torch.optim.Optimizer]]:
    groups = optimizers_of(rule_groups(emitted.parts, native_optimizer))
    optimizers = [trainer.optimizer] if len(groups) == 1 else trainer.optimizers
    named = dict(trainer.model.named_parameters(remove_duplicate=False))
    for optimizer, own in zip(optimizers, groups, strict=True):
        for group in own:
            for path in group.paths:
                yield group, path, named[emitted.bindings[path].native], optimizer


def _canonical(
    binding: Binding, group: RuleGroup, slot: str, parameter: torch.Tensor, carried: dict[str, Any]
) -> np.ndarray:
    found = carried.get(native_slot(group, slot))
    if found is None:
        shape, fill = first_value(group, slot)
        value = np.full(tuple(parameter.shape) if shape is None else shape, fill)
        value = value.astype(parameter.detach().cpu().numpy().dtype)
        if shape is None and not lies_like_parameter(group, slot):
            return value.transpose(group.axes)
    else:
        value = torch.as_tensor(found).detach().cpu().numpy()
    if lies_like_parameter(group, slot) and binding.axes is not None:
        value = value.transpose(np.argsort(binding.axes))
    return np.array(value, order="C")
