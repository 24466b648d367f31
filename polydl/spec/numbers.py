"""Ints and bools where numbers or floats are wanted: the conversions that NumPy makes too."""

from __future__ import annotations

from polydl.errors import DefinitionError
from polydl.program.types import DType, Scalar
from polydl.spec.apply import apply
from polydl.spec.tensor import Tensor


def is_bool(x: Tensor) -> bool:
    return dtype_of(_tensor(x)) == "bool"


def counted(x: Tensor) -> Tensor:
    """Bools as the ints 0 and 1."""
    return x.astype("int") if is_bool(x) else x


def as_float(x: Tensor) -> Tensor:
    """Ints and bools as floats."""
    return _tensor(x).astype("float")


def holds(x: Tensor) -> Tensor:
    """Whether each number is not 0."""
    return x if is_bool(x) else x != 0


def dtype_of(*numbers: Tensor | Scalar) -> DType:
    """The dtype of the first that is a tensor."""
    return next((x.dtype for x in numbers if isinstance(x, Tensor)), "float")


def quotient(a: Tensor | Scalar, b: Tensor | Scalar) -> tuple[Tensor | Scalar, Tensor | Scalar]:
    """What is divided: floats, where both are ints."""
    tensors = [x for x in (a, b) if isinstance(x, Tensor)]
    if any(x.dtype == "float" for x in tensors):
        return a, b  # an int among floats is an error, as everywhere
    left, right = (as_float(x) if isinstance(x, Tensor) else x for x in (a, b))
    return left, right


def whole_quotient(a: Tensor | Scalar, b: Tensor | Scalar) -> Tensor:
    """floor(a / b); 0 of ints over 0."""
    if dtype_of(a, b) == "float":
        return apply("floor", apply("divide", a, b))
    return _of_nonzero("floor_divide", a, b)


def remainder(a: Tensor | Scalar, b: Tensor | Scalar) -> Tensor:
    """What whole_quotient leaves; 0 of ints over 0."""
    if dtype_of(a, b) == "float":
        return apply("remainder", a, b)
    return _of_nonzero("remainder", a, b)


def _of_nonzero(op: str, a: Tensor | Scalar, b: Tensor | Scalar) -> Tensor:
    """A primitive of ints that takes no divisor 0: torch raises there, others give what they like."""
    if not isinstance(b, Tensor):
        if b == 0:
            raise DefinitionError(f"{op} of an int by 0")
        return apply(op, a, b)
    zero = b == 0
    return apply("where", zero, 0, apply(op, a, apply("where", zero, 1, b)))


def _tensor(x: Tensor) -> Tensor:
    if not isinstance(x, Tensor):
        raise DefinitionError(f"an operation over axes takes a tensor, got {x!r}")
    return x
