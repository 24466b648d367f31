"""What the rows of natives have in common."""

from __future__ import annotations

from typing import Any

from polydl.emission.rows import (  # noqa: F401
    Literal,
    Row,
    function_row,
    own_entry,
    weight_shape,
)
from polydl.program.types import Value

CHANNELS_FIRST = "channels_first"


ANY = "any"


DENSE = {"kernel": ("weight", (1, 0)), "bias": ("bias", None)}


def known_size(value: Any, axis: int) -> int | None:
    size = value.shape[axis] if isinstance(value, Value) else None
    return size if isinstance(size, int) else None
