"""What layers check about their arguments and inputs."""

from __future__ import annotations

from polydl.errors import DefinitionError, DTypeError, ShapeError
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


def require_image(layer: str, x: Tensor) -> None:
    if x.ndim != 4:
        raise ShapeError(
            f"{layer} takes (batch, height, width, channels), got {x!r} with {x.ndim} axes. "
            "Reshape it, or give dl.Input four sizes"
        )
    if x.dtype != "float":
        raise DTypeError(f"{layer} takes float input, got {x!r}")
