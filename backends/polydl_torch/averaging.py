"""The text of averages of weights: their part of a training step."""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts
from polydl_torch.optimizer_text import selected


def average_lines(parts: TrainingParts) -> list[str]:
    """Statements of Trainer.__init__."""
    if parts.average_weight is None:
        return []
    trained = {b.native for p, b in parts.bindings.items() if p in parts.ranks}
    trained -= {parts.bindings[path].native for path in parts.frozen}
    chosen, named = selected(parts, trained), "dict(model.named_parameters())"
    each, over = chosen.among("model.named_parameters()", "named")
    return [
        f"self.weights = {named if chosen.is_all else f'{{name: {each} {over}}}'}",
        "self.averages = {name: p.detach().clone() for name, p in self.weights.items()}",
    ]


def moving_lines(parts: TrainingParts) -> list[str]:
    """Statements after an update."""
    if parts.average_weight is None:
        return []
    averages, weights = "list(self.averages.values())", "list(self.weights.values())"
    return [
        "with torch.no_grad():",
        f"{INDENT}torch._foreach_lerp_({averages}, {weights}, {parts.average_weight})",
    ]
