"""The symbolic tensor that flows through a definition while it is traced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from polydl.errors import DefinitionError
from polydl.program.sizes import Shape
from polydl.program.types import DType, Scalar, Value

if TYPE_CHECKING:
    from polydl.spec.block_builder import BlockBuilder


class Tensor:
    """A value of the Block being traced. Has Python's operators and NumPy-style indexing.

    shape holds ints, and Sizes for axes known only when the model runs; dtype is "float", "int" or
    "bool". There are no numbers in it: branching on it raises.
    """

    __slots__ = ("builder", "value")
    __array_priority__ = 1000
    __array_ufunc__ = None

    def __init__(self, value: Value, builder: BlockBuilder):
        self.value, self.builder = value, builder

    @property
    def shape(self) -> Shape:
        return self.value.shape

    @property
    def dtype(self) -> DType:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return len(self.value.shape)

    def __repr__(self) -> str:
        sizes = ", ".join(map(str, self.shape))
        return f"Tensor({self.dtype}[{sizes}])"

    def _apply(self, op: str, *operands: Any, **attributes: Any) -> Tensor:
        from polydl.spec.apply import apply

        return apply(op, *operands, **attributes)

    def __add__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("add", self, other)

    def __radd__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("add", other, self)

    def __sub__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("subtract", self, other)

    def __rsub__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("subtract", other, self)

    def __mul__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("multiply", self, other)

    def __rmul__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("multiply", other, self)

    def __truediv__(self, other: Tensor | Scalar) -> Tensor:
        return self._quotient(self, other)

    def __rtruediv__(self, other: Tensor | Scalar) -> Tensor:
        return self._quotient(other, self)

    def _quotient(self, a: Any, b: Any) -> Tensor:
        from polydl.spec.numbers import quotient

        return self._apply("divide", *quotient(a, b))

    def __floordiv__(self, other: Tensor | Scalar) -> Tensor:
        return self._floored(self, other)

    def __rfloordiv__(self, other: Tensor | Scalar) -> Tensor:
        return self._floored(other, self)

    def _floored(self, a: Any, b: Any) -> Tensor:
        from polydl.spec.numbers import whole_quotient

        return whole_quotient(a, b)

    def __mod__(self, other: Tensor | Scalar) -> Tensor:
        return self._remainder(self, other)

    def __rmod__(self, other: Tensor | Scalar) -> Tensor:
        return self._remainder(other, self)

    def _remainder(self, a: Any, b: Any) -> Tensor:
        from polydl.spec.numbers import remainder

        return remainder(a, b)

    def __divmod__(self, other: Tensor | Scalar) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Tensor | Scalar) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __pow__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("power", self, other)

    def __rpow__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("power", other, self)

    def __matmul__(self, other: Tensor) -> Tensor:
        return self._apply("matmul", self, other)

    def __neg__(self) -> Tensor:
        return self._apply("negative", self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return self._apply("absolute", self)

    def __gt__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("greater", self, other)

    def __ge__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("greater_equal", self, other)

    def __lt__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("less", self, other)

    def __le__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("less_equal", self, other)

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return self._apply("equal", self, other)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return self._apply("not_equal", self, other)

    __hash__ = None  # type: ignore[assignment]  # == builds a node, as in NumPy

    def __and__(self, other: Tensor | Scalar) -> Tensor:
        return self._logical_or_bitwise("and", self, other)

    def __rand__(self, other: Tensor | Scalar) -> Tensor:
        return self._logical_or_bitwise("and", other, self)

    def __or__(self, other: Tensor | Scalar) -> Tensor:
        return self._logical_or_bitwise("or", self, other)

    def __ror__(self, other: Tensor | Scalar) -> Tensor:
        return self._logical_or_bitwise("or", other, self)

    def __xor__(self, other: Tensor | Scalar) -> Tensor:
        return self._logical_or_bitwise("xor", self, other)

    def __rxor__(self, other: Tensor | Scalar) -> Tensor:
        return self._logical_or_bitwise("xor", other, self)

    def __invert__(self) -> Tensor:
        return self._logical_or_bitwise("not", self)

    def _logical_or_bitwise(self, op: str, *operands: Any) -> Tensor:
        kind = "logical" if self.dtype == "bool" else "bitwise"
        return self._apply(f"{kind}_{op}", *operands)

    def __lshift__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("left_shift", self, other)

    def __rlshift__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("left_shift", other, self)

    def __rshift__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("right_shift", self, other)

    def __rrshift__(self, other: Tensor | Scalar) -> Tensor:
        return self._apply("right_shift", other, self)

    def __round__(self, digits: int | None = None) -> Tensor:
        if digits is not None:
            raise DefinitionError("round of a tensor gives whole numbers: round(x * 100) / 100")
        return self._apply("round", self)

    if not TYPE_CHECKING:  # mypy would take any attribute for one that is here

        def __getattr__(self, name: str) -> Any:
            from polydl import ops

            known = {"T": "transpose"}.get(name, name)
            hint = f". Use dl.ops.{known}(x)" if known in dir(ops) else ""
            raise AttributeError(f"a tensor has no attribute {name!r}{hint}")

    def __getitem__(self, index: Any) -> Tensor:
        from polydl.spec.indexing import indexed

        return indexed(self, index)

    def astype(self, dtype: DType) -> Tensor:
        """Converted to "float", "int" or "bool"."""
        return self if dtype == self.dtype else self._apply("astype", self, dtype=dtype)

    def _no_number(self, what: str) -> NoReturn:
        raise DefinitionError(
            f"{what} of a tensor is not known while tracing. Use dl.where for a choice by element, "
            "dl.when_training for a choice by mode, and .shape for sizes"
        )

    def __bool__(self) -> bool:
        self._no_number("the truth value")

    def __float__(self) -> float:
        self._no_number("the number")

    def __int__(self) -> int:
        self._no_number("the number")

    __index__ = __int__

    def __array__(self, *_: Any, **__: Any) -> Any:
        self._no_number("the array")

    def __iter__(self) -> Any:
        if not self.shape or not isinstance(self.shape[0], int):
            raise DefinitionError(f"cannot iterate over {self!r}: its first axis has no fixed size")
        return (self[i] for i in range(self.shape[0]))

    def __len__(self) -> int:
        if not self.shape or not isinstance(self.shape[0], int):
            raise DefinitionError(f"len of {self!r} is not known; use .shape")
        return self.shape[0]
