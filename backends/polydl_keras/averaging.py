"""The text of averages of weights: their part of a training step."""

from __future__ import annotations

from collections.abc import Sequence

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts
from polydl.training.rule_groups import RuleGroup
from polydl_keras.optimizer_text import trained_text


def average_lines(parts: TrainingParts, groups: Sequence[RuleGroup]) -> list[str]:
    """Statements of Trainer.__init__."""
    if parts.average_weight is None:
        return []
    return [
        f"self.averaged = {trained_text(parts, groups)}",
        "self.averages = [tf.Variable(tf.identity(v.value)) for v in self.averaged]",
    ]


def moving_lines(parts: TrainingParts) -> list[str]:
    """Statements after an update."""
    if parts.average_weight is None:
        return []
    return [
        "for average, v in zip(self.averages, self.averaged):",
        f"{INDENT}average.assign_add({parts.average_weight} * (v - average))",
    ]


def with_averages(parts: TrainingParts, lines: Sequence[str]) -> list[str]:
    """Statements that see averages where variables are read."""
    if parts.average_weight is None:
        return list(lines)
    return [
        "averages = zip(self.averaged, self.averages)",
        "with keras.StatelessScope(state_mapping=averages):",
        *(INDENT + line for line in lines),
    ]
