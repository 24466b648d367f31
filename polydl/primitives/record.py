"""What a primitive is, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from polydl.errors import DTypeError, ProgramError, ShapeError
from polydl.program.sizes import AnySize, Shape, Size, same
from polydl.program.types import Constant, DType, Operand
from polydl.program.unboxed import unboxed


@dataclass(frozen=True)
class Type:
    """Shape and dtype of a value. A Python scalar among the operands is a `scalar` Type."""

    shape: Shape
    dtype: DType
    scalar: bool = False

    def __repr__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Primitive:
    """One record of the table.

    rule(*operand types, **attributes) gives the output's Type, or raises ShapeError or DTypeError.
    attributes maps each attribute's name to its default; `...` where it must be given.
    derivative says what the derivative is where that is a choice.
    """

    name: str
    meaning: str
    rule: Callable[..., Type]
    arity: int
    attributes: Mapping[str, Any]
    derivative: str = ""

    @property
    def elementwise(self) -> bool:
        """Whether it acts on each element, with NumPy's broadcasting."""
        return self.rule.__module__ == "polydl.primitives.elementwise"


PRIMITIVES: dict[str, Primitive] = {}


def primitive(
    name: str, meaning: str, arity: int = 1, derivative: str = "", **attributes: Any
) -> Callable[[Callable[..., Type]], Callable[..., Type]]:
    """Decorate a type rule: enters the primitive in the table."""

    def enter(rule: Callable[..., Type]) -> Callable[..., Type]:
        PRIMITIVES[name] = Primitive(name, meaning, rule, arity, attributes, derivative)
        return rule

    return enter


def type_of(operand: Operand) -> Type:
    if isinstance(operand, Constant):
        value = operand.value
        kind: DType = (
            "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "float"
        )
        return Type((), kind, scalar=True)
    return Type(operand.shape, operand.dtype)


def infer(name: str, operands: tuple[Operand, ...], attributes: Mapping[str, Any]) -> Type:
    """The type of a primitive's output. Raises ProgramError for a call that is malformed."""
    record = PRIMITIVES.get(name)
    if record is None:
        raise ProgramError(f"there is no primitive {name!r}")
    many = record.arity == -1
    if (not many and len(operands) != record.arity) or (many and not operands):
        raise ProgramError(f"{name} takes {record.arity} operands, got {len(operands)}")
    unknown = set(attributes) - set(record.attributes)
    missing = {k for k, v in record.attributes.items() if v is ... and k not in attributes}
    if unknown or missing:
        raise ProgramError(f"{name}: unknown attributes {unknown}, missing attributes {missing}")
    return record.rule(*map(type_of, operands), **{**record.attributes, **attributes})


def broadcast(name: str, *shapes: Shape) -> Shape:
    """NumPy's broadcasting, over sizes that may be symbols."""
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(_broadcast_axis(name, axis, shapes) for axis in zip(*padded, strict=True))


def _broadcast_axis(name: str, sizes: tuple[AnySize, ...], shapes: tuple[Shape, ...]) -> AnySize:
    result: AnySize = 1
    for size in sizes:
        if same(size, 1) or same(size, result):
            continue
        if not same(result, 1):
            shown = " and ".join(str(tuple(shape)) for shape in shapes)
            raise ShapeError(f"{name}: shapes {shown} do not broadcast ({result} against {size})")
        result = size
    return result


def normal_axis(name: str, axis: int, rank: int) -> int:
    axis = unboxed(axis)
    if type(axis) is not int:
        raise ShapeError(f"{name}: an axis is an integer, got {axis!r}")
    if not -rank <= axis < rank:
        raise ShapeError(f"{name}: axis {axis} is out of range for {rank} axes")
    return axis % rank


def normal_axes(name: str, axes: int | tuple[int, ...] | None, rank: int) -> tuple[int, ...]:
    if axes is None:
        return tuple(range(rank))
    given = tuple(axes) if isinstance(axes, (tuple, list)) else (axes,)
    normal = tuple(normal_axis(name, axis, rank) for axis in given)
    if len(set(normal)) != len(normal):
        raise ShapeError(f"{name}: axis {axes} names an axis twice")
    return normal


def integers(name: str, what: str, given: Any) -> tuple[Any, ...]:
    """One integer, or a sequence of them, as a tuple; symbols count as integers."""
    values = unboxed(tuple(given) if isinstance(given, (tuple, list)) else (given,))
    if not all(type(value) is int or isinstance(value, Size) for value in values):
        raise ShapeError(f"{name}: {what} must be integers, got {given!r}")
    return values


def sizes(name: str, shape: Any) -> Shape:
    """A shape: one size, or a sequence of them, none negative."""
    values = integers(name, "sizes", shape)
    if any(isinstance(value, int) and value < 0 for value in values):
        raise ShapeError(f"{name}: {shape!r} has a negative size")
    return values


def require_dtype(name: str, given: Type, *allowed: DType) -> None:
    if given.dtype not in allowed:
        casts = " or ".join(f".astype({dtype!r})" for dtype in allowed)
        raise DTypeError(f"{name} takes {' or '.join(allowed)}, got {given}. Convert with {casts}")
