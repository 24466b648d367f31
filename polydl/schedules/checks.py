"""What schedules check about their settings, and the sums that several of them share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from polydl.errors import DefinitionError
from polydl.schedules.schedule import Schedule
from polydl.spec.tensor import Tensor


def require_rate(where: str, **rates: Any) -> None:
    """Finite numbers of 0 or more."""
    for name, rate in rates.items():
        number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
        if not number or not 0 <= rate < math.inf:
            raise DefinitionError(f"{where}: {name} must be a number of 0 or more, got {rate!r}")


def require_schedule(where: str, name: str, given: Any) -> None:
    """A rate, or a Schedule; for a text, the schedule that it may mean."""
    if isinstance(given, Schedule):
        return
    if isinstance(given, str):
        raise DefinitionError(f"{where}: {name} is a number or a dl.Schedule, got {given!r}. "
                              f"{_meant(given)}")  # fmt: skip
    if isinstance(given, type) and issubclass(given, Schedule):
        raise DefinitionError(
            f"{where}: {name} is the class dl.{given.__name__}; give it its settings, in parentheses"
        )
    if not isinstance(given, (int, float)) or isinstance(given, bool):
        own = (
            ". A function is made one as the __call__ of a dataclass that derives from dl.Schedule"
        )
        raise DefinitionError(
            f"{where}: {name} must be a number or a dl.Schedule, got {given!r}"
            f"{own if callable(given) else ''}"
        )
    require_rate(where, **{name: given})


def _meant(text: str) -> str:
    """Which schedule a text names, such as "cosine"."""
    from polydl import schedules

    known = [name for name in schedules.__all__ if name != "Schedule"]
    plain = text.lower().replace("_", "").replace(" ", "")
    plain = {"noam": "inversesqrt", "linear": "polynomial"}.get(plain, plain)
    starts = [name for name in known if plain and name.lower().startswith(plain)]
    close = get_close_matches(plain, [name.lower() for name in known], n=1)
    meant = starts or [name for name in known if name.lower() in close]
    return f"Did you mean dl.{meant[0]}(...)?" if meant else f"Schedules: {', '.join(known)}"


def boundaries(where: str, given: Any) -> tuple[int, ...]:
    """Steps of which each is after the one before, from 1 on."""
    listed = isinstance(given, Sequence) and not isinstance(given, str) and len(given) > 0
    if not listed or any(type(step) is not int for step in given):
        raise DefinitionError(f"{where}: boundaries must be a list of integers, got {given!r}")
    steps = (0, *given)
    if any(before >= after for before, after in pairwise(steps)):
        raise DefinitionError(
            f"{where}: boundaries must be above 0 and increase, got {list(given)}"
        )
    return tuple(given)


def between(start: float, end: float, share: Tensor) -> Tensor:
    """start (1 - share) + end share: exactly `end` at 1."""
    if end == 0.0:
        return start * (1.0 - share)
    if start == 0.0:
        return end * share
    return start * (1.0 - share) + end * share
