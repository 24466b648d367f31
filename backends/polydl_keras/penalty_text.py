"""The text of penalties: which variables they are of, and what they add to the loss."""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts
from polydl.training.penalized import sum_lines
from polydl_keras.optimizer_text import variables_text


def penalized_lines(parts: TrainingParts) -> list[str]:
    """Statements of Trainer.__init__."""
    return [f"self.{f.name} = {variables_text(parts, f.paths)}" for f in parts.penalties]


def penalty_method(parts: TrainingParts) -> list[str]:
    if not parts.penalties:
        return []
    return [
        "    def penalty(self):",
        '        """What the loss has besides, of the variables."""',
        *(INDENT * 2 + line for line in sum_lines(parts.penalties, "self.")),
        "",
    ]


def loss_lines(parts: TrainingParts, in_part: bool = False) -> list[str]:
    """Statements of the loss."""
    return parts.loss_lines("self.penalty()" if parts.penalties else "", in_part)
