"""What emission gives: a model's source text, and where its weights are in the native object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

Axes = tuple[int, ...] | None


class Binding(NamedTuple):
    """Where an entry lives in the native object, and how it lies there.

    axes: their order (None: the same). parts: the order of the equal parts of its last axis, such as
    the gates of a recurrent layer. row: its place on a first axis, where entries share an array.
    """

    native: str
    axes: Axes = None
    parts: tuple[int, ...] = ()
    row: int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is an array of its own, with its elements in order."""
        return not self.parts and self.row is None


@dataclass(frozen=True)
class Emitted:
    """A model's source text.

    entry: the name to call for a fresh native object. bindings: canonical path to native place.
    channels_first: which inputs it takes with channels on axis 1; none if empty. computes: the type
    that it computes in, where that is not the one of its parameters.
    """

    source: str
    entry: str
    bindings: Mapping[str, Binding]
    channels_first: tuple[bool, ...] = ()
    computes: str = ""
