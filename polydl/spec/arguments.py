"""Misspelt arguments of constructors, and numbers that are none."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from polydl.errors import DefinitionError, nearest

T = TypeVar("T")


def known_arguments(**instead: str) -> Callable[[type[T]], type[T]]:
    """Decorate a class: a keyword that its constructor lacks is answered with the nearest it has.

    DefinitionError, where Python has a TypeError. instead: what to say of some names. After its own
    checks, a setting that is infinite or NaN is refused.
    """

    def decorate(cls: type[T]) -> type[T]:
        inner: Any = cls.__init__
        known = list(inspect.signature(inner).parameters)[1:]

        @functools.wraps(inner)
        def init(self: T, *given: Any, **named: Any) -> None:
            for name in named:
                if name not in known:
                    text = instead.get(name) or nearest(name, known)
                    raise DefinitionError(f"{cls.__name__} takes no {name!r}. {text}")
            inner(self, *given, **named)
            require_finite(cls.__name__, {**dict(zip(known, given, strict=False)), **named})

        cls.__init__ = init  # type: ignore[assignment, method-assign]
        return cls

    return decorate


def require_finite(where: str, settings: Mapping[str, Any]) -> None:
    """Raise DefinitionError for an infinity or NaN among settings, or in a list, tuple or dict there.

    Nothing in polydl is turned off by an infinity, and neither has a text in Python.
    """
    for name, value in settings.items():
        for number in _floats(value):
            if not math.isfinite(number):
                raise DefinitionError(
                    f"{where}: {name} must be finite, got {value!r}. To do without, leave it out"
                )


def _floats(value: Any) -> list[float]:
    if isinstance(value, float):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value
    if isinstance(inner, (list, tuple)) or inner is not value:
        return [number for part in inner for number in _floats(part)]
    return []
