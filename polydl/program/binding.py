"""Binding the unknown sizes of a Program to the shapes of the arrays it is given."""

from __future__ import annotations

from collections.abc import Sequence

from polydl.errors import DataError, ProgramError
from polydl.program.sizes import AnySize, Size
from polydl.program.types import Program, Value


def bind_sizes(program: Program, shapes: Sequence[Sequence[int]]) -> dict[str, int]:
    """The integer that each symbol of `program` stands for, given its inputs' shapes in order.

    Raises DataError, with the input's name and both shapes, where a shape does not fit.
    """
    return bind_values(program.root.inputs, shapes)


def bind_values(values: Sequence[Value], shapes: Sequence[Sequence[int]]) -> dict[str, int]:
    """The same, for the inputs of any Block."""
    if len(values) != len(shapes):
        names = ", ".join(_name(value, i) for i, value in enumerate(values))
        raise DataError(f"expected {len(values)} arrays ({names}), got {len(shapes)}")
    bound: dict[str, int] = {}
    first: dict[str, str] = {}  # symbol -> name of the input that bound it
    for i, (value, shape) in enumerate(zip(values, shapes, strict=True)):
        name = _name(value, i)
        wrong = f"{name}: expected the shape {_shown(value.shape)}, got {_shown(shape)}"
        if len(shape) != len(value.shape):
            raise DataError(f"{wrong}: {len(value.shape)} axes against {len(shape)}")
        for axis, (expected, given) in enumerate(zip(value.shape, shape, strict=True)):
            if isinstance(expected, Size):
                symbol = _symbol(expected, name)
                known = bound.setdefault(symbol, int(given))
                if known != given:
                    raise DataError(f"{wrong}: {symbol} is {known} in {first[symbol]}")
                first.setdefault(symbol, name)
            elif expected != given:
                raise DataError(f"{wrong}: axis {axis} must be {expected}")
    return bound


def _symbol(size: Size, where: str) -> str:
    if not size.key.isidentifier():
        raise ProgramError(f"{where}: an input's size must be a number or a name, got {size}")
    return size.key


def _name(value: Value, position: int) -> str:
    return f"input {value.name!r}" if value.name else f"input {position}"


def _shown(shape: Sequence[AnySize]) -> str:
    sizes = ", ".join(map(str, shape))
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"
