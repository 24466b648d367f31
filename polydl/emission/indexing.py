"""The text of NumPy's basic indexing."""

from __future__ import annotations

from typing import Any


def index_parts(index: tuple[Any, ...], rank: int = 0) -> list[str]:
    """What stands between the brackets, from ints and (start, stop, step); none for the whole.

    rank: of the array, where "..." stands for whole axes before a cut of the last one.
    """
    parts = []
    for part in index:
        if isinstance(part, int):
            parts.append(str(part))
        else:
            start, stop, step = ("" if bound is None else str(bound) for bound in part)
            parts.append(f"{start}:{stop}:{step}" if step else f"{start}:{stop}")
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    if len(parts) == rank > 2 and all(part == ":" for part in parts[:-1]):
        parts = ["...", parts[-1]]
    return parts
