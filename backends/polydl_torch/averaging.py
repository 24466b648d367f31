"""The text of averages of weights: their part of a training step."""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts
from polydl_torch.optimizer_text import chosen_names


def average_lines(parts: TrainingParts) -> list[str]:
    """Statements of Trainer.__init__."""
    if parts.average_weight is None:
        return []
    trained = {b.native for p, b in parts.bindings.items() if p in parts.ranks}
    trained -= {parts.bindings[path].native for path in parts.frozen}
    chosen = chosen_names(parts, trained)
    named = "dict(model.named_parameters())"
    return [
        f"self.weights = {f'{{name: named[name] {chosen}}}' if chosen else named}",
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
