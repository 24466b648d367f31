"""The text that makes a Trainer's optimizers."""

from __future__ import annotations

from collections.abc import Sequence

from polydl.emission.code import INDENT
from polydl.errors import BackendError
from polydl.training.emission import TrainingParts
from polydl.training.rule_groups import RuleGroup, first_value
from polydl.training.selection import Selection, select
from polydl_keras.update_rule import each_row, update_rule

ALL = "model.trainable_variables"
_HIDDEN = (
    "\0"  # for separators in what follows a layer's name, which paths of variables may have not
)


def support_lines(parts: TrainingParts, groups: Sequence[RuleGroup]) -> list[str]:
    """Classes that the optimizers need, and empty lines after them."""
    texts = dict.fromkeys(g.native.support for g in groups if g.native and g.native.support)
    found = [text.split("\n") for text in texts]
    own = [group for group in groups if group.native is None]
    found += [each_row(parts, own)] if any(group.rows for group in own) else []
    found += [update_rule(parts, own)] if own else []
    return [line for lines in found for line in [*lines, "", ""]]


def constructor(parts: TrainingParts, group: RuleGroup) -> str:
    """The text of one optimizer. Where the rate is scheduled, each step sets it."""
    rate = "0.0" if parts.takes_rate else repr(group.constant_rate)
    if group.native is not None:
        settings = "".join(f", {name}={text}" for name, text in group.native.settings.items())
        return f"{group.native.name}(learning_rate={rate}{settings})"
    given = [f"each_row({group.made.update})" if group.rows else group.made.update]
    values = {slot: first_value(group, slot) for slot in group.optimizer.slots}
    if values:
        fills = ", ".join(f'"{slot}": {fill!r}' for slot, (_, fill) in values.items())
        given.append(f"{{{fills}}}")
    shapes = {slot: shape for slot, (shape, _) in values.items() if shape is not None}
    if shapes and group.rows:
        raise BackendError(
            f"{', '.join(group.paths)} share a variable in Keras, but not what "
            f"{type(group.optimizer).__name__} carries: compile with natives=False"
        )
    if shapes:
        listed = ", ".join(f'"{slot}": {shape}' for slot, shape in shapes.items())
        given.append(f"shapes={{{listed}}}")
    return f"UpdateRule({', '.join(given)})"


def construction(parts: TrainingParts, groups: Sequence[RuleGroup]) -> list[str]:
    """Statements of Trainer.__init__: one optimizer, or one for each group of variables."""
    if len(groups) > 1:
        pairs = [f"({constructor(parts, g)}, {variables_text(parts, g.paths)})" for g in groups]
        return [
            "self.groups = [",
            *(f"{INDENT}{pair}," for pair in pairs),
            "]",
            "for optimizer, variables in self.groups:",
            f"{INDENT}optimizer.build(variables)",
        ]
    lines = [f"self.optimizer = {constructor(parts, groups[0])}"]
    if not parts.frozen:
        return [*lines, f"self.optimizer.build({ALL})"]
    return [
        f"self.variables = {variables_text(parts, groups[0].paths)}",
        *lines,
        "self.optimizer.build(self.variables)",
    ]


def trained_text(parts: TrainingParts, groups: Sequence[RuleGroup]) -> str:
    """The text of the variables that a step differentiates with respect to."""
    if len(groups) > 1:
        return "[v for _, group in self.groups for v in group]"
    return "self.variables" if parts.frozen else f"self.{ALL}"


def update_lines(parts: TrainingParts, groups: Sequence[RuleGroup]) -> list[str]:
    """The update by `gradients` of `variables`."""
    if len(groups) == 1:
        lines = []
        if parts.takes_rate:
            lines.append(f"self.optimizer.learning_rate.assign({_scaled(groups[0].rate)})")
        return [*lines, "self.optimizer.apply(gradients, variables)"]
    lines = ["of_variable = {v.path: g for v, g in zip(variables, gradients)}"]
    rates = {group.rate for group in groups}
    if not parts.takes_rate:
        lines.append("for optimizer, group in self.groups:")
    elif len(rates) == 1:
        lines += [
            "for optimizer, group in self.groups:",
            f"{INDENT}optimizer.learning_rate.assign({_scaled(*rates)})",
        ]
    else:
        factors = ", ".join(repr(group.rate) for group in groups)
        lines += [
            f"for (optimizer, group), rate in zip(self.groups, [{factors}]):",
            f"{INDENT}optimizer.learning_rate.assign(rate * learning_rate)",
        ]
    return [*lines, f"{INDENT}optimizer.apply([of_variable[v.path] for v in group], group)"]


def _scaled(rate: float) -> str:
    return "learning_rate" if rate == 1.0 else f"{rate!r} * learning_rate"


def variables_text(parts: TrainingParts, paths: Sequence[str]) -> str:
    """The text of a list of a model's variables."""
    _check_shared(parts, paths)
    ranks = {
        _name(parts.bindings[path].native): rank + (parts.bindings[path].row is not None)
        for path, rank in parts.ranks.items()
    }
    chosen = select({_name(parts.bindings[path].native) for path in paths}, ranks, "./")
    if chosen.is_all:
        return ALL
    if chosen.names:
        return f"[{', '.join(_place(name) for name in chosen.names)}]"
    return f"[v for v in {ALL} if {_condition(chosen)}]"


def _check_shared(parts: TrainingParts, paths: Sequence[str]) -> None:
    """A variable that holds several parameters is of one group."""
    shared = {parts.bindings[path].native: path for path in paths}
    for path in parts.ranks:
        other = shared.get(parts.bindings[path].native)
        if other is not None and path not in paths:
            raise BackendError(
                f"{other} and {path} are one variable in Keras: whatever is said of one must be said "
                "of both. Give a pattern that matches both, or compile with natives=False"
            )


def _condition(chosen: Selection) -> str:
    return chosen.condition("v.path", "v.ndim")


def _name(native: str) -> str:
    layer, _, rest = native.partition("/")
    return f"{layer}/{rest.replace('.', _HIDDEN)}"


def variable_text(native: str) -> str:
    """The text of one variable of `model`."""
    return _place(_name(native))


def _place(name: str) -> str:
    layer, _, rest = name.partition("/")
    text = f'model.get_layer("{layer}")'
    for step in rest.split(_HIDDEN):
        text += f"[{step}]" if step.isdigit() else f".{step}"
    return text
