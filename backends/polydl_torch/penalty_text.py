"""The text of penalties: which parameters they are of, and what they add to the loss."""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts
from polydl.training.penalized import sum_lines
from polydl_torch.optimizer_text import chosen_text, selected


def penalized_lines(parts: TrainingParts) -> list[str]:
    """Statements of Trainer.__init__: lists of parameters, or of names where there are averages."""
    lines = []
    for found in parts.penalties:
        natives = {parts.bindings[path].native for path in found.paths}
        if parts.average_weight is not None:
            chosen = selected(parts, natives)
            _, over = chosen.among("self.weights.items()", "self.weights")
            text = "list(self.weights)" if chosen.is_all else f"[name {over}]"
        else:
            text = chosen_text(parts, natives)
            text = text if text.startswith("[") else f"list({text})"
        lines.append(f"self.{found.name} = {text}")
    return lines


def penalty_method(parts: TrainingParts) -> list[str]:
    if not parts.penalties:
        return []
    by_name, lines = "", sum_lines(parts.penalties, "self.")
    if parts.average_weight is not None:
        by_name, lines = ", weights", sum_lines(parts.penalties, "self.", "name", "weights[name]")
    return [
        f"    def penalty(self{by_name}):",
        '        """What the loss has besides, of the parameters."""',
        *(INDENT * 2 + line for line in lines),
        "",
    ]


def loss_lines(parts: TrainingParts, weights: str = "weights", in_part: bool = False) -> list[str]:
    """Statements of the loss. weights: those of the penalty, where there are averages besides."""
    given = "" if parts.average_weight is None else f"self.{weights}"
    penalty = f"self.penalty({given})" if parts.penalties else ""
    return parts.loss_lines(penalty, in_part)
