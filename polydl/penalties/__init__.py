"""Penalties on parameters, which are part of the loss, defined in primitives like layers.

Every module here that registers a part offers it; no list needs its name.
"""

from __future__ import annotations

from typing import Any

from polydl.discovery import registered
from polydl.penalties.penalty import Penalty as Penalty

_PARTS = registered(__name__)
globals().update(_PARTS)
__all__ = sorted([*_PARTS, "Penalty"])


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
