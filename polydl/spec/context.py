"""Which Tracer is running, if one is: a definition's operations add themselves to its Blocks."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from polydl.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polydl.spec.tracer import Tracer

_TRACER: ContextVar[Tracer | None] = ContextVar("polydl_tracer", default=None)


@contextmanager
def running(tracer: Tracer) -> Iterator[None]:
    """Make `tracer` the one that definitions called inside are traced by."""
    token = _TRACER.set(tracer)
    try:
        yield
    finally:
        _TRACER.reset(token)


def current_tracer(doing: str) -> Tracer:
    tracer = _TRACER.get()
    if tracer is None:
        raise DefinitionError(
            f"{doing} outside a trace. A definition runs when it is compiled: "
            "use dl.compile(model, inputs, backend=...) and call what that returns"
        )
    return tracer


def active_tracer() -> Tracer | None:
    return _TRACER.get()
