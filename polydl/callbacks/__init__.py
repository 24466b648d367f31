"""What looks on while a net is trained: stopping, rates, logs, a bar, and a user's own.

Every module here that registers a part offers it; no list needs its name.
"""

from __future__ import annotations

from typing import Any

from polydl.callbacks.callback import Callback as Callback
from polydl.discovery import registered

_PARTS = registered(__name__)
globals().update(_PARTS)
__all__ = sorted([*_PARTS, "Callback"])


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
