"""Misspelt arguments of constructors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from polydl.errors import DefinitionError, nearest

T = TypeVar("T")


def known_arguments(**instead: str) -> Callable[[type[T]], type[T]]:
    """Decorate a class: a keyword that its constructor lacks is answered with the nearest it has.

    DefinitionError, where Python has a TypeError. instead: what to say of some names.
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

        cls.__init__ = init  # type: ignore[assignment, method-assign]
        return cls

    return decorate
