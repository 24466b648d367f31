"""Adding a primitive to the Block that is being traced."""

from __future__ import annotations

import sys
from typing import Any

from polydl.errors import DefinitionError, DTypeError, ProgramError
from polydl.primitives import infer
from polydl.program.attributes import require_attributes
from polydl.program.types import Constant, Node, Operand, Value
from polydl.program.unboxed import unboxed
from polydl.spec.block_builder import located
from polydl.spec.context import current_tracer
from polydl.spec.names import assigned_names
from polydl.spec.tensor import Tensor

_INDEXING = ("take", "take_along_axis", "scatter_add")  # an operand is an integer among floats


def apply(op: str, *operands: Any, **attributes: Any) -> Tensor:
    """Add a primitive to the Block being traced; returns its output."""
    builder = current_tracer(f"dl.{op} was called").stack[-1]
    with located(builder.where):
        values = [builder.operand(operand, op) for operand in operands]
        if op not in _INDEXING:
            values = _float_literals(values)
        _check_integers(op, values)
        attributes = {name: unboxed(given) for name, given in attributes.items()}
        _check_attributes(op, attributes)
        output = infer(op, tuple(values), attributes)
    names = assigned_names(sys._getframe(1), builder.code)
    value = builder.value(output.shape, output.dtype, names[0] if len(names) == 1 else "")
    builder.add(Node(op, tuple(values), (value,), attributes))
    return Tensor(value, builder)


def _check_attributes(op: str, attributes: dict[str, Any]) -> None:
    """What would be no Program: a float for an axis, a text for a number."""
    try:
        require_attributes(op, attributes)
    except ProgramError as error:
        raise DefinitionError(f"{op}: {error}") from None


def _float_literals(operands: list[Operand]) -> list[Operand]:
    """A Python int among floats means the float."""
    if not any(isinstance(x, Value) and x.dtype == "float" for x in operands):
        return operands
    return [
        Constant(float(x.value)) if isinstance(x, Constant) and type(x.value) is int else x
        for x in operands
    ]


def _check_integers(op: str, operands: list[Operand]) -> None:
    for x in operands:
        if isinstance(x, Constant) and isinstance(x.value, int) and not -(2**31) <= x.value < 2**31:
            raise DTypeError(f"{op}: {x.value} is beyond int32, the integer type of programs")
