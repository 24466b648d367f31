"""Learning rates as functions of the step, defined in primitives like layers.

Every module here that registers a part offers it; no list needs its name.
"""

from __future__ import annotations

from typing import Any

from polydl.discovery import registered
from polydl.schedules.schedule import Schedule as Schedule

_PARTS = registered(__name__)
globals().update(_PARTS)
__all__ = sorted([*_PARTS, "Schedule"])


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
