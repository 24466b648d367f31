"""Augmentations of batches, in NumPy: equal on every backend, for they run before them.

Every module here that registers a part offers it; no list needs its name.
"""

from __future__ import annotations

from typing import Any

from polydl.augment.augmentation import Augmentation as Augmentation
from polydl.augment.compose import Compose as Compose
from polydl.augment.randomness import generator as generator
from polydl.augment.targets import one_hot as one_hot
from polydl.discovery import registered

_PARTS = registered(__name__)
globals().update(_PARTS)
__all__ = sorted([*_PARTS, "Augmentation", "Compose"])


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
