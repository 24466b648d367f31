"""The text of nested inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from polydl.emission.code import string_text
from polydl.program.types import Structure


def nested(structure: Structure, leaves: Sequence[str], brackets: str) -> str:
    """Expressions nested as the model nests its inputs or outputs: `x`, `[a, b]` or `{"a": a}`.

    brackets: those of sequences, "()" or "[]".
    """
    items = iter(leaves)
    return _nested(structure, items, brackets)


def _nested(part: Any, items: Iterator[str], brackets: str) -> str:
    if part is None:
        return next(items)
    kind, parts = part
    if kind == "dict":
        inner = ", ".join(
            f"{string_text(k)}: {_nested(p, items, brackets)}" for k, p in parts.items()
        )
        return f"{{{inner}}}"
    texts = [_nested(p, items, brackets) for p in parts]
    comma = "," if len(texts) == 1 and brackets == "()" else ""
    return f"{brackets[0]}{', '.join(texts)}{comma}{brackets[1]}"
