"""Layers: modules with a definition on primitives that a backend may replace by its own.

Every module here that registers a part offers it; no list needs its name.
"""

from __future__ import annotations

from typing import Any

from polydl.discovery import registered
from polydl.layers.activation import LAYERS

_PARTS = {**registered(__name__), **LAYERS}
globals().update(_PARTS)
__all__ = sorted([*_PARTS])


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
