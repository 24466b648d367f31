"""The built-ins by versioned name, such as `polydl:Dense@1`.

Natives are keyed by these names. A class is a built-in only if it is the very class registered here:
a user's class called Dense, or a subclass of ours, is not.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

from polydl.errors import DefinitionError, nearest
from polydl.program.unboxed import unboxed
from polydl.spec.arguments import known_arguments
from polydl.spec.initializers import resolve

T = TypeVar("T")

CLASSES: dict[str, type] = {}
FUNCTIONS: dict[str, Callable[..., Any]] = {}
_KINDS: dict[type, str] = {}


@dataclass_transform(eq_default=False)
def builtin(version: int = 1) -> Callable[[type[T]], type[T]]:
    """Decorate a layer, loss, metric or optimizer: makes it a dataclass and registers it."""

    def register(cls: type[T]) -> type[T]:
        _check_fields(cls)
        cls = known_arguments()(dataclasses.dataclass(eq=False)(cls))
        kind = f"polydl:{cls.__name__}@{version}"
        CLASSES[kind] = cls
        _KINDS[cls] = kind
        return cls

    return register


_PLAIN: dict[str, tuple[str, tuple[type, ...]]] = {
    "bool": ("True or False", (bool,)),
    "int": ("an integer", (int,)),
    "float": ("a number", (int, float)),
    "str": ("text", (str,)),
}


def _check_plain(where: str, name: str, annotation: Any, value: Any) -> None:
    """Refuse what is not of the plain type that an argument is annotated with; others pass.

    So that Dense(4, "relu") is an error, and not a layer with a bias.
    """
    plain, _, optional = str(annotation).partition(" | ")
    if "Initializer" in str(annotation):
        try:
            resolve(value)
        except DefinitionError as error:
            raise DefinitionError(f"{where}: {name}: {error}") from None
    if plain not in _PLAIN or optional not in ("", "None") or (optional and value is None):
        return
    what, types = _PLAIN[plain]
    wrong = not isinstance(value, types) or (isinstance(value, bool) and bool not in types)
    if wrong or (isinstance(value, float) and math.isnan(value)):
        raise DefinitionError(f"{where}: {name} must be {what}, got {value!r}")


def _check_fields(cls: type) -> None:
    """Let the constructor check the types of plain arguments before all else."""
    inner: Callable[[Any], None] | None = getattr(cls, "__post_init__", None)

    def checked(self: Any) -> None:
        for field in dataclasses.fields(self):
            given = getattr(self, field.name)
            plain = unboxed(given)
            if plain is not given:
                setattr(self, field.name, plain)
            _check_plain(type(self).__name__, field.name, field.type, plain)
        if inner is not None:
            inner(self)

    cls.__post_init__ = checked  # type: ignore[attr-defined]


def builtin_function(version: int = 1) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function of tensors: its calls become Blocks that may have natives.

    Arguments before the `*` are tensors, and may be optional, with None as their default; keyword-only
    arguments are plain data. The names of a Block's inputs say which tensors were given.
    """

    def register(definition: Callable[..., Any]) -> Callable[..., Any]:
        kind = f"polydl:{definition.__name__}@{version}"
        defaults = dict(definition.__kwdefaults__ or {})
        code, annotations = definition.__code__, definition.__annotations__
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
            named = {name: unboxed(value) for name, value in named.items()}
            for name, value in named.items():
                if name in settings:
                    _check_plain(definition.__name__, name, annotations.get(name), value)
            tracer = current_tracer(f"dl.{definition.__name__} was called")
            return tracer.call_function(kind, definition, tuple(given), {**defaults, **named})

        FUNCTIONS[kind] = call
        return call

    return register


def kind_of(cls: type) -> str | None:
    return _KINDS.get(cls)
