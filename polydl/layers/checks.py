"""What layers check about their arguments and inputs."""

from __future__ import annotations

import math
from typing import Any

from polydl.errors import DefinitionError, DTypeError, ShapeError
from polydl.program.sizes import AnySize
from polydl.spec.tensor import Tensor


def require_positive(layer: str, **arguments: int) -> None:
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise DefinitionError(f"{layer}: {name} must be a positive integer, got {value!r}")


def require_within(layer: str, low: float, high: float, **arguments: float) -> None:
    """low <= value < high."""
    for name, value in arguments.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not low <= value < high:
            raise DefinitionError(
                f"{layer}: {name} must be at least {low} and below {high}, got {value!r}"
            )


def require_above_zero(layer: str, **arguments: float) -> None:
    for name, value in arguments.items():
        if not 0 < value < math.inf:
            raise DefinitionError(f"{layer}: {name} must be a number above 0, got {value!r}")


def integers(layer: str, **arguments: Any) -> tuple[int, ...]:
    """One argument that must be a sequence of integers, as a tuple."""
    ((name, given),) = arguments.items()
    if not isinstance(given, (tuple, list)) or any(type(value) is not int for value in given):
        raise DefinitionError(f"{layer}: {name} must be a tuple of integers, got {given!r}")
    return tuple(given)


_SPATIAL = {1: "length", 2: "height, width", 3: "depth, height, width"}


def require_spatial(layer: str, x: Tensor, rank: int) -> None:
    """Channels-last float input with `rank` spatial axes."""
    if x.ndim != rank + 2:
        sizes = {1: "three", 2: "four", 3: "five"}[rank]
        raise ShapeError(
            f"{layer} takes (batch, {_SPATIAL[rank]}, channels), got {x!r} with {x.ndim} axes. "
            f"Reshape it, or give dl.Input {sizes} sizes"
        )
    if x.dtype != "float":
        raise DTypeError(f"{layer} takes float input, got {x!r}")


def require_axes(layer: str, x: Tensor, *words: str) -> None:
    """At least the axes of these names, or exactly those without "..."."""
    least = len([word for word in words if word != "..."])
    if x.ndim < least or (x.ndim > least and "..." not in words):
        one = "axis" if x.ndim == 1 else "axes"
        raise ShapeError(f"{layer} takes ({', '.join(words)}), got {x!r} with {x.ndim} {one}")


def require_known(layer: str, **sizes: AnySize) -> int:
    """One size that must be known while tracing."""
    ((name, size),) = sizes.items()
    if not isinstance(size, int):
        raise ShapeError(
            f"{layer}: the number of {name} is known only at run time. Give dl.Input a fixed size"
        )
    return size


def require_groups(layer: str, groups: int, **sizes: AnySize) -> int:
    """One size that the groups must divide."""
    ((name, _),) = sizes.items()
    size = require_known(layer, **sizes)
    if size % groups:
        raise ShapeError(f"{layer}: {groups} groups do not divide {size} {name}")
    return size


def require_at_most(name: str, most: int, positions: AnySize) -> None:
    """Raise ShapeError if there are more positions than there can be, as far as that is known."""
    if isinstance(positions, int) and positions > most:
        raise ShapeError(f"{name}: {positions} positions, of {most} at most")
