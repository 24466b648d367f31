"""Results that are computed once a process, and contexts in which nothing is known from before."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
Store = dict[Any, Any]

NETS, ORACLE = "nets", "oracle"  # what depends on backends, and what on definitions only
_STORES: dict[str, list[Store]] = {NETS: [{}], ORACLE: [{}]}


def memoized(kind: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function of hashable arguments: each result is computed once."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            store = _STORES[kind][-1]
            key = (function, args, tuple(kwargs.items()))
            if key not in store:
                try:
                    store[key] = (function(*args, **kwargs), None)
                except Exception as error:  # would be raised again, after the same long while
                    store[key] = (None, error)
            result, failure = store[key]
            if failure is not None:
                raise failure
            return result

        return call

    return decorate


@contextmanager
def fresh(*kinds: str) -> Iterator[None]:
    """A context with empty stores of these kinds. Afterwards the earlier results are back."""
    for kind in kinds:
        _STORES[kind].append({})
    try:
        yield
    finally:
        for kind in kinds:
            _STORES[kind].pop()
