"""The text of penalties: which parameters they are of, and what they add to the loss."""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts
from polydl.training.penalized import sum_lines
from polydl_torch.optimizer_text import chosen_text


def penalized_lines(parts: TrainingParts) -> list[str]:
    """Statements of Trainer.__init__."""
    lines = []
    for found in parts.penalties:
        chosen = chosen_text(parts, {parts.bindings[path].native for path in found.paths})
        chosen = chosen if chosen.startswith("[") else f"list({chosen})"
        lines.append(f"self.{found.name} = {chosen}")
    return lines


def penalty_method(parts: TrainingParts) -> list[str]:
    if not parts.penalties:
        return []
    return [
        "    def penalty(self):",
        '        """What the loss has besides, of the parameters."""',
        *(INDENT * 2 + line for line in sum_lines(parts.penalties, "self.")),
        "",
    ]


def with_penalty(parts: TrainingParts, loss: str) -> str:
    return f"{loss} + self.penalty()" if parts.penalties else loss
