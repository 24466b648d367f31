"""What a Keras Trainer carries: optimizers' state, averages, and the scale of a loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from polydl.emission.emitted import Binding
from polydl.training.rule_groups import (
    RuleGroup,
    ends_like_parameter,
    lies_like_parameter,
    native_slot,
    rule_groups,
)
from polydl.training.trainer_state import Arrays, OptimizerState, TrainerState
from polydl_keras.engine import keras
from polydl_keras.optimizers import native_optimizer
from polydl_keras.weights import find_variable, to_canonical, to_native


class KerasTrainerState(TrainerState):
    def optimizer(self) -> OptimizerState:
        found: OptimizerState = {}
        for group, path, slot, variable in self._slots():
            value = np.array(keras.ops.convert_to_numpy(variable))
            if (binding := self._binding(group, path, slot)) is not None:
                value = to_canonical(value, binding)
            found.setdefault(path, {})[slot] = value
        return found

    def set_optimizer(self, state: OptimizerState, updates: int) -> None:
        for group, path, slot, variable in self._slots():
            value = state[path][slot]
            if (binding := self._binding(group, path, slot)) is not None:
                value = to_native(value, binding, variable)
            variable.assign(value)
        for optimizer, _ in self._optimizers():
            optimizer.iterations.assign(updates)

    def updates(self) -> int:
        return max(int(optimizer.iterations) for optimizer, _ in self._optimizers())

    def _averages(self) -> Arrays:
        return {
            path: np.array(
                to_canonical(keras.ops.convert_to_numpy(average), self.emitted.bindings[path])
            )
            for path, average in self._places().items()
        }

    def set_averages(self, values: Mapping[str, np.ndarray]) -> None:
        for path, average in self._places().items():
            average.assign(to_native(values[path], self.emitted.bindings[path], average))

    def _loss_scale(self) -> dict[str, float]:
        return {
            "scale": float(self.trainer.scale),
            "good_steps": int(self.trainer.good_steps),
        }

    def _set_loss_scale(self, state: Mapping[str, float]) -> None:
        self.trainer.scale.assign(state["scale"])
        self.trainer.good_steps.assign(int(state["good_steps"]))

    def _binding(self, group: RuleGroup, path: str, slot: str) -> Binding | None:
        """How a slot lies: as its parameter, along the last axis only, or as the rule sees it."""
        if lies_like_parameter(group, slot):
            return self.emitted.bindings[path]
        if ends_like_parameter(group, slot):
            return self.emitted.bindings[path]._replace(row=None)
        return None

    def _optimizers(self) -> list[tuple[Any, RuleGroup]]:
        groups, trainer = rule_groups(self.parts, native_optimizer), self.trainer
        if len(groups) > 1:
            return [(o, g) for (o, _), g in zip(trainer.groups, groups, strict=True)]
        own = trainer.optimizer if hasattr(trainer, "optimizer") else trainer.model.optimizer
        return [(own, groups[0])]

    def _slots(self) -> Iterator[tuple[RuleGroup, str, str, Any]]:
        """Each slot's variable."""
        for optimizer, group in self._optimizers():
            if not optimizer.built:
                optimizer.build(self.trainer.model.trainable_variables)
            for path in group.paths:
                variable = self._variable(path)
                index = optimizer._get_variable_index(variable)
                for slot in group.optimizer.slots:
                    name = native_slot(group, slot)
                    native = group.native is not None
                    own = getattr(optimizer, name) if native else optimizer.slots[name]
                    yield group, path, slot, own[index]

    def _places(self) -> dict[str, Any]:
        """The average of each parameter."""
        pairs = zip(self.trainer.averaged, self.trainer.averages, strict=True)
        known = {v.path: average for v, average in pairs}
        return {
            path: known[self._variable(path).path]
            for path in self.parts.ranks
            if path not in self.parts.frozen
        }

    def _variable(self, path: str) -> Any:
        return find_variable(self.model.native, self.emitted.bindings[path].native)
