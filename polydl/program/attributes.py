"""Which values the attributes of a node and the configuration of a Block may have.

What a primitive's attribute may be is written once, as the annotation of its type rule.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from polydl.errors import ProgramError
from polydl.primitives.record import PRIMITIVES
from polydl.program.limits import (
    MAX_ATTRIBUTE_ITEMS,
    MAX_DIGITS,
    MAX_SIZE,
    MAX_STRING,
    MAX_TUPLE_DEPTH,
)
from polydl.program.names import is_text, is_variable, shown
from polydl.program.sizes import Size

Test = Callable[[Any], bool]


def require_plain(value: Any, where: str, depth: int = 0) -> None:
    """Raise ProgramError unless `value` is None, a bool, int, float, str, or tuples of these.

    Exactly these types: source text is made with repr, and a NumPy float has another one.
    """
    kind = type(value)
    if kind is tuple:
        if depth == MAX_TUPLE_DEPTH:
            raise ProgramError(f"{where}: tuples are nested deeper than {MAX_TUPLE_DEPTH}")
        for item in value:
            require_plain(item, where, depth + 1)
    elif kind is str:
        if not is_text(value):
            raise ProgramError(
                f"{where}: {shown(value)} is longer than {MAX_STRING} or has control characters"
            )
    elif kind is int:
        if abs(value) >= 10**MAX_DIGITS:
            raise ProgramError(f"{where}: an integer of more than {MAX_DIGITS} digits")
    elif value is not None and kind not in (bool, float):
        raise ProgramError(
            f"{where}: {shown(value)} is a {kind.__name__}; "
            "use None, bool, int, float, str, or tuples of these"
        )


def require_config(config: Mapping[str, Any]) -> None:
    for name, value in config.items():
        if not is_variable(name):
            raise ProgramError(f"config: {shown(name)} is no name of an argument")
        require_plain(value, f"config {name}")


def require_attributes(op: str, attributes: Mapping[str, Any]) -> None:
    """Raise ProgramError where an attribute of a primitive has a value of a wrong type.

    Names that the primitive lacks, and ones that it misses, are left to `infer`.
    """
    tests = _tests(op)
    for name, value in attributes.items():
        if name in tests and not tests[name](value):
            wanted = _hints(op)[name]
            raise ProgramError(f"{name}={shown(value)} should be {_spelled(wanted)}")


def require_kinds(kinds: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
    """Raise ProgramError unless `attributes` are just these, each of its type."""
    if set(attributes) != set(kinds):
        raise ProgramError(f"its attributes are {', '.join(kinds) or 'none'}")
    for name, value in attributes.items():
        if not type_test(kinds[name])(value):
            raise ProgramError(f"{name}={shown(value)} should be {_spelled(kinds[name])}")


def sizes_in(value: Any) -> Iterator[Size]:
    """The symbolic sizes in an attribute."""
    if type(value) is Size:
        yield value
    elif type(value) is tuple:
        for item in value:
            yield from sizes_in(item)


@cache
def _hints(op: str) -> Mapping[str, Any]:
    record = PRIMITIVES.get(op)
    if record is None:
        return {}
    hints = get_type_hints(record.rule, localns={"Size": Size})
    return {name: hints[name] for name in record.attributes}


@cache
def _tests(op: str) -> Mapping[str, Test]:
    return {name: type_test(hint) for name, hint in _hints(op).items()}


def type_test(annotation: Any) -> Test:
    """A function that says whether a value has this type, bools and ints kept apart."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        tests = [type_test(argument) for argument in arguments]
        return lambda value: any(test(value) for test in tests)
    if origin is Literal:
        return lambda value: type(value) is str and value in arguments
    if origin is tuple and arguments[-1] is ...:
        each = type_test(arguments[0])
        return lambda value: (
            type(value) is tuple and len(value) <= MAX_ATTRIBUTE_ITEMS and all(map(each, value))
        )
    if origin is tuple:
        parts = [type_test(argument) for argument in arguments]
        return lambda value: (
            type(value) is tuple
            and len(value) == len(parts)
            and all(test(item) for test, item in zip(parts, value, strict=True))
        )
    if annotation is float:
        return lambda value: type(value) in (float, int)
    if annotation is str:
        return lambda value: type(value) is str and is_text(value)
    if annotation is int:
        return lambda value: type(value) is int and abs(value) <= MAX_SIZE
    if annotation in (bool, Size, types.NoneType):
        return lambda value: type(value) is annotation
    raise TypeError(f"a type rule is annotated with {annotation}, which has no test here")


def _spelled(annotation: Any) -> str:
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return text.replace("polydl.program.sizes.", "").replace("typing.", "")
