"""What a torch Trainer carries: optimizers' state, averages, and the scaler of a loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from polydl.emission.emitted import Binding
from polydl.training.rule_groups import (
    RuleGroup,
    first_value,
    lies_like_parameter,
    native_slot,
    rule_groups,
)
from polydl.training.trainer_state import Arrays, OptimizerState, TrainerState
from polydl_torch.optimizer_text import optimizers_of
from polydl_torch.optimizers import native_optimizer


class TorchTrainerState(TrainerState):
    def optimizer(self) -> OptimizerState:
        found: OptimizerState = {}
        for group, path, parameter, optimizer in self._parameters():
            carried = optimizer.state.get(parameter, {})
            found[path] = {
                slot: _canonical(self.emitted.bindings[path], group, slot, parameter, carried)
                for slot in group.optimizer.slots
            }
        return found

    def set_optimizer(self, state: OptimizerState, updates: int) -> None:
        for group, path, parameter, optimizer in self._parameters():
            binding = self.emitted.bindings[path]
            dtype = torch.int32 if group.native is None else torch.float32
            optimizer.state[parameter] = {"step": torch.tensor(updates, dtype=dtype)}
            for slot, value in state[path].items():
                like_parameter = lies_like_parameter(group, slot)
                if like_parameter and binding.axes is not None:
                    value = value.transpose(binding.axes)
                array = torch.from_numpy(np.array(value, order="C"))
                made = torch.empty_like(parameter) if like_parameter else torch.empty(array.shape)
                made = made.to(parameter.device, parameter.dtype).detach().copy_(array)
                optimizer.state[parameter][native_slot(group, slot)] = made

    def updates(self) -> int:
        for _, _, parameter, optimizer in self._parameters():
            if "step" in optimizer.state.get(parameter, {}):
                return int(optimizer.state[parameter]["step"])
        return 0

    def _averages(self) -> Arrays:
        found = {}
        for path, average in self._places().items():
            value, axes = average.cpu().numpy(), self.emitted.bindings[path].axes
            found[path] = np.array(value if axes is None else value.transpose(np.argsort(axes)))
        return found

    def set_averages(self, values: Mapping[str, np.ndarray]) -> None:
        for path, average in self._places().items():
            axes = self.emitted.bindings[path].axes
            value = values[path] if axes is None else values[path].transpose(axes)
            average.copy_(torch.from_numpy(np.array(value, order="C")))

    def _loss_scale(self) -> dict[str, float]:
        state = self.trainer.scaler.state_dict()
        return {"scale": float(state["scale"]), "good_steps": int(state["_growth_tracker"])}

    def _set_loss_scale(self, state: Mapping[str, float]) -> None:
        scale = self.parts.scaling
        assert scale is not None
        self.trainer.scaler.load_state_dict({
            "scale": float(state["scale"]),
            "growth_factor": scale.growth,
            "backoff_factor": scale.backoff,
            "growth_interval": scale.growth_every,
            "_growth_tracker": int(state["good_steps"]),
        })  # fmt: skip

    def _parameters(
        self,
    ) -> Iterator[tuple[RuleGroup, str, torch.nn.Parameter, torch.optim.Optimizer]]:
        groups = optimizers_of(rule_groups(self.parts, native_optimizer))
        trainer, named = self.trainer, self._named()
        optimizers = [trainer.optimizer] if len(groups) == 1 else trainer.optimizers
        for optimizer, own in zip(optimizers, groups, strict=True):
            for group in own:
                for path in group.paths:
                    yield group, path, named[self.emitted.bindings[path].native], optimizer

    def _places(self) -> dict[str, torch.Tensor]:
        """The average of each parameter, also of one that another parameter's name stands for."""
        trainer, named = self.trainer, self._named()
        known = {id(trainer.weights[name]): average for name, average in trainer.averages.items()}
        return {
            path: known[id(named[self.emitted.bindings[path].native])]
            for path in self.parts.ranks
            if path not in self.parts.frozen
        }

    def _named(self) -> dict[str, Any]:
        return dict(self.trainer.model.named_parameters(remove_duplicate=False))


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
