"""An emitted keras.optimizers.Optimizer around the definitions of update rules."""

from __future__ import annotations

from collections.abc import Sequence

from polydl.training.emission import TrainingParts
from polydl.training.rule_groups import RuleGroup, first_value


def update_rule(parts: TrainingParts, groups: Sequence[RuleGroup]) -> list[str]:
    """class UpdateRule: any rule, with keras.ops only, on any engine."""
    names = dict.fromkeys(type(group.optimizer).__name__ for group in groups)
    carries = any(group.optimizer.slots for group in groups)
    shaped = any(first_value(g, slot)[0] is not None for g in groups for slot in g.optimizer.slots)
    signature = ["self", "rule"]
    signature += [] if not carries else ["slots=()"] if _some_carry_none(groups) else ["slots"]
    signature += ["shapes={}"] if shaped else []
    kept = ["rule", *(["fills"] if carries else []), *(["shapes"] if shaped else [])]
    given = ["rule", *(["slots"] if carries else []), *(["shapes"] if shaped else [])]
    arguments = ["variable", "gradient", "self.iterations + 1"]
    if parts.takes_rate:
        signature.append("learning_rate=0.0")
        arguments.append("learning_rate")
    rate = "learning_rate" if parts.takes_rate else repr(groups[0].constant_rate)
    lines = [
        "class UpdateRule(keras.optimizers.Optimizer):",
        f'    """{" and ".join(names)}, from its definition."""',
        "",
        f"    def __init__({', '.join(signature)}):",
        f"        super().__init__(learning_rate={rate})",
        f"        {', '.join(f'self.{k}' for k in kept)} = {', '.join(given)}",
        "",
    ]
    if not carries:
        return [
            *lines,
            "    def update_step(self, gradient, variable, learning_rate):",
            f"        variable.assign(self.rule({', '.join(arguments)}))",
        ]
    shape = "self.shapes.get(name, v.shape)" if shaped else "v.shape"
    return [
        *lines,
        "    def build(self, variables):",
        "        if self.built:",
        "            return",
        "        super().build(variables)",
        "        self.slots = {}",
        "        for name, fill in self.fills.items():",
        "            begin = keras.initializers.Constant(np.float64(fill))",
        "            self.slots[name] = ["
        f"self.add_variable({shape}, begin, v.dtype, name=name) for v in variables]",
        "",
        "    def update_step(self, gradient, variable, learning_rate):",
        "        index = self._get_variable_index(variable)",
        "        slots = [self.slots[name][index] for name in self.fills]",
        f"        value, *moved = self.rule({', '.join(arguments)}, *slots)",
        "        for slot, new in zip(slots, moved):",
        "            slot.assign(new)",
        "        variable.assign(value)",
    ]


def _some_carry_none(groups: Sequence[RuleGroup]) -> bool:
    return not all(group.optimizer.slots for group in groups)


def each_row(parts: TrainingParts, groups: Sequence[RuleGroup]) -> list[str]:
    """A function, for rules that look at shapes where Keras keeps several parameters in a variable."""
    rate = ", learning_rate" if parts.takes_rate else ""
    carries = any(group.optimizer.slots for group in groups if group.rows)
    lines = [
        "def each_row(rule):",
        '    """A rule of parameters, for a variable whose rows they are."""',
        "",
        f"    def move(value, gradient, step{rate}, *slots):",
        "        rows = zip(*(ops.unstack(x) for x in (value, gradient, *slots)))",
        f"        moved = [rule(v, g, step{rate}, *own) for v, g, *own in rows]",
    ]
    if carries:
        lines.append("        return [ops.stack(results) for results in zip(*moved)]")
    else:
        lines.append("        return ops.stack(moved)")
    return [*lines, "", "    return move"]
