"""The built-ins by versioned name, such as `polydl:Dense@1`.

Natives are keyed by these names. A class is a built-in only if it is the very class registered here:
a user's class called Dense, or a subclass of ours, is not.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

from polydl.errors import DefinitionError, nearest

T = TypeVar("T")

CLASSES: dict[str, type] = {}
FUNCTIONS: dict[str, Callable[..., Any]] = {}
_KINDS: dict[type, str] = {}


@dataclass_transform(eq_default=False)
def builtin(version: int = 1) -> Callable[[type[T]], type[T]]:
    """Decorate a layer, loss, metric or optimizer: makes it a dataclass and registers it."""

    def register(cls: type[T]) -> type[T]:
        cls = dataclasses.dataclass(eq=False)(cls)
        kind = f"polydl:{cls.__name__}@{version}"
        CLASSES[kind] = cls
        _KINDS[cls] = kind
        return cls

    return register


def builtin_function(version: int = 1) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function of tensors: its calls become Blocks that may have natives.

    Arguments before the `*` are tensors, and may be optional, with None as their default; keyword-only
    arguments are plain data. The names of a Block's inputs say which tensors were given.
    """

    def register(definition: Callable[..., Any]) -> Callable[..., Any]:
        kind = f"polydl:{definition.__name__}@{version}"
        defaults = dict(definition.__kwdefaults__ or {})
        code = definition.__code__
        parameters = code.co_varnames[: code.co_argcount]
        settings = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]

        @functools.wraps(definition)
        def call(*tensors: Any, **named: Any) -> Any:
            from polydl.spec.context import current_tracer

            for name in named:
                if name not in settings and name not in parameters[len(tensors) :]:
                    raise DefinitionError(
                        f"dl.{definition.__name__} has no argument {name!r}. "
                        f"{nearest(name, [*parameters, *settings])}"
                    )
            given = [*tensors, *(named.pop(name, None) for name in parameters[len(tensors) :])]
            while given and given[-1] is None:
                given.pop()
            tracer = current_tracer(f"dl.{definition.__name__} was called")
            return tracer.call_function(kind, definition, tuple(given), {**defaults, **named})

        FUNCTIONS[kind] = call
        return call

    return register


def kind_of(cls: type) -> str | None:
    return _KINDS.get(cls)
