"""The table of what each primitive does: arrays and attributes in, one array out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.reference.arrays import ARRAYS
from polydl.reference.elementwise import ELEMENTWISE
from polydl.reference.reductions import REDUCTIONS
from polydl.reference.slices import SLICES
from polydl.reference.windows import WINDOWS

REFERENCE: dict[str, Callable[..., Any]] = {
    **ELEMENTWISE,
    **REDUCTIONS,
    **ARRAYS,
    **SLICES,
    **WINDOWS,
}
