"""Which update rule moves which parameters."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from polydl.errors import DefinitionError, nearest
from polydl.optimizers.optimizer import Optimizer
from polydl.program.types import Block, Program
from polydl.training.groups import ParameterGroup
from polydl.training.settings import Training


@dataclass(frozen=True, eq=False)
class Rule:
    """An update rule and the parameters that it moves.

    rate: a factor of the learning rate. shape: of the parameters, in their canonical layout, where the
    rule looks at it; None where it is elementwise.
    """

    optimizer: Optimizer
    rate: float
    paths: tuple[str, ...]
    shape: tuple[int, ...] | None = None

    @property
    def constant_rate(self) -> float:
        """The learning rate of its parameters, where it is not scheduled."""
        return float(self.optimizer.learning_rate) * self.rate  # type: ignore[arg-type]

    def trace(self, key: str, takes_rate: bool) -> dict[str, Block]:
        """As Blocks, of which `key` is its own: of the learning rate, or at that of its parameters."""
        optimizer = copy.copy(self.optimizer)
        if not takes_rate and self.rate != 1.0:
            optimizer.learning_rate = self.constant_rate
        return optimizer.trace(key, self.shape, takes_rate)


def rules(program: Program, training: Training) -> tuple[Rule, ...]:
    """Every parameter that is trained, under its rule, in the order of first parameters.

    Raises DefinitionError for a pattern that matches nothing, and where nothing is left to train.
    """
    shapes = parameter_shapes(program)
    check_patterns(training, tuple(shapes))
    _check_decays(training, shapes)
    found: dict[object, tuple[Optimizer, float, list[str], tuple[int, ...] | None]] = {}
    for path, shape in shapes.items():
        group = group_of(training.groups, path)
        if group is not None and group.frozen:
            continue
        settled = _settled(training, group, path, shape)
        optimizer = settled.for_parameter(path, shape)
        seen = None if optimizer.elementwise else shape
        rate = settled.rate_for(path, shape) * (1.0 if group is None else float(group.rate))
        config = json.dumps(optimizer.config(), sort_keys=True, default=repr)
        key = (type(optimizer), config, rate, seen)
        found.setdefault(key, (optimizer, rate, [], seen))[2].append(path)
    if not found:
        raise DefinitionError("all parameters are frozen: there is nothing to train")
    return tuple(Rule(o, rate, tuple(paths), seen) for o, rate, paths, seen in found.values())


def parameter_shapes(program: Program) -> dict[str, tuple[int, ...]]:
    """Canonical shapes of all parameters, by path."""
    entries = program.entries.items()
    return {path: tuple(e.shape) for path, e in entries if e.role == "parameter"}


def frozen(program: Program, training: Training) -> tuple[str, ...]:
    """Paths of the parameters that stay as they are."""
    groups = {path: group_of(training.groups, path) for path in parameter_shapes(program)}
    return tuple(path for path, group in groups.items() if group is not None and group.frozen)


def group_of(groups: Sequence[ParameterGroup], path: str) -> ParameterGroup | None:
    """The first group that matches a path."""
    return next((group for group in groups if fnmatchcase(path, group.pattern)), None)


def check_patterns(training: Training, paths: Sequence[str]) -> None:
    """Every pattern must match some parameter."""
    patterns = [group.pattern for group in training.groups]
    if not isinstance(training.decayed, str):
        patterns += training.decayed
    for pattern in patterns:
        if not any(fnmatchcase(path, pattern) for path in paths):
            raise DefinitionError(
                f"the pattern {pattern!r} matches no parameter. {nearest(pattern, list(paths))}"
            )


def _settled(
    training: Training, group: ParameterGroup | None, path: str, shape: tuple[int, ...]
) -> Optimizer:
    """The optimizer with a group's settings, and without weight decay where there is none."""
    optimizer = training.optimizer
    changed = dict(group.settings) if group is not None else {}
    unknown = [name for name in changed if name not in _settings(optimizer)]
    if unknown:
        raise DefinitionError(
            f"ParameterGroup: {type(optimizer).__name__} has no setting {unknown[0]!r}. "
            f"{nearest(unknown[0], sorted(_settings(optimizer)))}"
        )
    decays = changed.get("weight_decay", getattr(optimizer, "weight_decay", 0.0))
    if decays and not _is_decayed(training, path, shape):
        changed["weight_decay"] = 0.0
    return dataclasses.replace(optimizer, **changed) if changed else optimizer  # type: ignore[type-var]


def _check_decays(training: Training, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """A group's own weight decay must reach some parameter."""
    for group in training.groups:
        own = {p: s for p, s in shapes.items() if group_of(training.groups, p) is group}
        reached = any(_is_decayed(training, path, shape) for path, shape in own.items())
        if group.settings.get("weight_decay") and own and not reached:
            raise DefinitionError(
                f"ParameterGroup {group.pattern!r} has a weight_decay, but decayed="
                f"{training.decayed!r} leaves out all that it matches. Say what is decayed: "
                f'Training(decayed=["{group.pattern}", ...]), or "all"'
            )


def _settings(optimizer: Optimizer) -> set[str]:
    return set(optimizer.config()) - {"learning_rate"}


def _is_decayed(training: Training, path: str, shape: tuple[int, ...]) -> bool:
    if training.decayed == "all":
        return True
    if training.decayed == "matrices":
        return len(shape) > 1
    return any(fnmatchcase(path, pattern) for pattern in training.decayed)
