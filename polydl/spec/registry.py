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

    Positional arguments are tensors, keyword-only arguments plain data.
    """

    def register(definition: Callable[..., Any]) -> Callable[..., Any]:
        kind = f"polydl:{definition.__name__}@{version}"
        defaults = dict(definition.__kwdefaults__ or {})

        @functools.wraps(definition)
        def call(*tensors: Any, **config: Any) -> Any:
            from polydl.spec.context import current_tracer

            for name in config:
                if name not in defaults:
                    raise DefinitionError(
                        f"dl.{definition.__name__} has no argument {name!r}. "
                        f"{nearest(name, list(defaults))}"
                    )
            tracer = current_tracer(f"dl.{definition.__name__} was called")
            return tracer.call_function(kind, definition, tensors, {**defaults, **config})

        FUNCTIONS[kind] = call
        return call

    return register


def kind_of(cls: type) -> str | None:
    return _KINDS.get(cls)
