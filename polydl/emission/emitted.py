"""What emission gives: a model's source text, and where its weights are in the native object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Axes = tuple[int, ...] | None


@dataclass(frozen=True)
class Binding:
    """Where an entry lives in the native object, and how its axes are ordered there."""

    native: str
    axes: Axes = None


@dataclass(frozen=True)
class Emitted:
    """A model's source text.

    entry: the name to call for a fresh native object. bindings: canonical path to native place.
    channels_first: which inputs it takes with channels on axis 1; none if empty.
    """

    source: str
    entry: str
    bindings: Mapping[str, Binding]
    channels_first: tuple[bool, ...] = ()
