"""Running averages of weights, whose steps are defined in primitives like layers.

Every module here that registers a part offers it; no list needs its name.
"""

from __future__ import annotations

from typing import Any

from polydl.averages.average import Average as Average
from polydl.discovery import registered

_PARTS = registered(__name__)
globals().update(_PARTS)
__all__ = sorted([*_PARTS, "Average"])


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
