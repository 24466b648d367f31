"""The text of penalties: a function of parameters in nested dicts."""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts
from polydl.training.penalized import EmittedPenalty, sum_lines
from polydl.training.selection import select


def penalty_function(parts: TrainingParts) -> list[str]:
    """A function within Trainer.__init__. Frozen parameters are not among those it is given."""
    if not parts.penalties:
        return []
    chosen = {found.name: _chosen(parts, found) for found in parts.penalties}
    lines = [f"{name} = {text}" for name, text in chosen.items()]
    if any("named" in text for text in chosen.values()):
        lines = ["named = {", f"{INDENT}{_NAME}: p", f"{INDENT}{_EACH}", "}", *lines]
    return [
        "def penalty(params):",
        f'{INDENT}"""What the loss has besides."""',
        *(INDENT + line for line in [*lines, *sum_lines(parts.penalties)]),
        "",
    ]


_NAME = 'jax.tree_util.keystr(path, simple=True, separator=".")'
_EACH = "for path, p in jax.tree_util.tree_leaves_with_path(params)"


def _chosen(parts: TrainingParts, found: EmittedPenalty) -> str:
    ranks = {
        parts.bindings[path].native: rank
        for path, rank in parts.ranks.items()
        if path not in parts.frozen
    }
    chosen = select({parts.bindings[path].native for path in found.paths}, ranks)
    if chosen.is_all:
        return "jax.tree.leaves(params)"
    if not chosen.takes_name:
        return f"[p for p in jax.tree.leaves(params) if {chosen.condition('', 'p.ndim')}]"
    each, over = chosen.among("named.items()", "named")
    return f"[{each} {over}]"
