"""The rules of a training program as an emitted text has them: one group for all of the same text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from polydl.optimizers.optimizer import Optimizer
from polydl.training.emission import EmittedRule, TrainingParts
from polydl.training.native_optimizer import NativeOptimizer


@dataclass(frozen=True)
class RuleGroup:
    """Parameters that one text moves.

    axes: for a definition that looks at shapes, from the native to the canonical layout; None where
    they are the same. rows: it looks at shapes, and its parameters are rows of arrays that hold others
    too.
    """

    made: EmittedRule
    native: NativeOptimizer | None
    paths: tuple[str, ...]
    axes: tuple[int, ...] | None = None
    rows: bool = False

    @property
    def optimizer(self) -> Optimizer:
        return self.made.optimizer

    @property
    def rate(self) -> float:
        """A factor of the learning rate."""
        return self.made.rule.rate

    @property
    def constant_rate(self) -> float:
        """The learning rate, where it is not scheduled."""
        return self.made.rule.constant_rate


def rule_groups(
    parts: TrainingParts, native_of: Callable[[Optimizer], NativeOptimizer | None]
) -> list[RuleGroup]:
    """native_of: the framework's own optimizer for a rule, if it may be used."""
    found: dict[object, RuleGroup] = {}
    for made in parts.rules:
        native = None if made.update else native_of(made.optimizer)
        for path in made.rule.paths:
            axes, rows = None, False
            if made.rule.shape is not None and native is None:
                rows = parts.bindings[path].row is not None
                turned = parts.bindings[path].axes
                axes = turned and tuple(turned.index(i) for i in range(len(turned)))
            group = RuleGroup(made, native, (), axes, rows)
            values = [] if native else [first_value(group, s) for s in made.optimizer.slots]
            key = (native and native.key, made.update, made.rule.rate, axes, rows, *values)
            group = found.setdefault(key, group)
            found[key] = replace(group, paths=(*group.paths, path))
    return list(found.values())


def first_value(group: RuleGroup, slot: str) -> tuple[tuple[int, ...] | None, float]:
    """The shape of a slot, None where it is the parameter's, and the number that fills it."""
    seen = (1,) if group.made.rule.shape is None else group.made.rule.shape
    shape = tuple(group.optimizer.slot_shape(slot, seen))
    fill = group.optimizer.slot_fill(slot)
    return (None if shape == seen else shape), fill  # type: ignore[return-value]


def lies_like_parameter(group: RuleGroup, slot: str) -> bool:
    """Whether a slot is kept in its parameter's native layout, and not as the rule sees it."""
    return first_value(group, slot)[0] is None and group.axes is None


def ends_like_parameter(group: RuleGroup, slot: str) -> bool:
    """Whether a slot, of another shape than its parameter, has the same last axis."""
    shape, seen = first_value(group, slot)[0], group.made.rule.shape
    return bool(shape) and seen is not None and shape[-1] == seen[-1]  # type: ignore[index]


def native_slot(group: RuleGroup, slot: str) -> str:
    """The name of a slot in the framework's state."""
    return slot if group.native is None else group.native.slots[slot]
