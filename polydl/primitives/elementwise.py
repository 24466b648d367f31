"""Primitives that act on each element, with NumPy's broadcasting."""

from __future__ import annotations

from polydl.errors import DTypeError
from polydl.primitives.record import Type, broadcast, primitive, require_dtype
from polydl.program.types import DType


def _common(name: str, *types: Type) -> DType:
    """Operands share one dtype. A Python int is welcome among floats, never the reverse."""
    arrays = {t.dtype for t in types if not t.scalar}
    dtypes = arrays or {t.dtype for t in types}
    if len(dtypes) > 1:
        raise DTypeError(
            f"{name}: operands are {' and '.join(map(str, types))}. "
            "Convert one with .astype('float') or .astype('int')"
        )
    (dtype,) = dtypes
    for t in types:
        if t.scalar and t.dtype != dtype and not (t.dtype == "int" and dtype == "float"):
            raise DTypeError(f"{name}: a Python {t.dtype} does not combine with {dtype} values")
    return dtype


def _unary(name: str, meaning: str, *dtypes: DType, derivative: str = "") -> None:
    @primitive(name, meaning, derivative=derivative)
    def rule(x: Type) -> Type:
        require_dtype(name, x, *dtypes)
        return Type(x.shape, x.dtype)


def _binary(
    name: str, meaning: str, *dtypes: DType, result: DType | None = None, derivative: str = ""
) -> None:
    @primitive(name, meaning, arity=2, derivative=derivative)
    def rule(a: Type, b: Type) -> Type:
        dtype = _common(name, a, b)
        require_dtype(name, Type((), dtype), *dtypes)
        return Type(broadcast(name, a.shape, b.shape), result or dtype)


_unary("negative", "-x", "float", "int")
_unary("absolute", "|x|", "float", "int", derivative="0 at 0")
_unary("exp", "e^x", "float")
_unary("log", "ln x", "float")
_unary("sqrt", "x^(1/2)", "float")
_unary("rsqrt", "x^(-1/2)", "float")
_unary("tanh", "(e^x - e^-x) / (e^x + e^-x)", "float")
_unary("sin", "the sine of x radians", "float")
_unary("cos", "the cosine of x radians", "float")
_unary("erf", "2/sqrt(pi) * integral of e^(-t^2) from 0 to x", "float")
_unary("logical_not", "not x", "bool")
_unary("stop_gradient", "x, whose derivative counts as 0", "float")

_binary("add", "a + b", "float", "int")
_binary("subtract", "a - b", "float", "int")
_binary("multiply", "a * b (int32 wraps around)", "float", "int")
_binary("divide", "a / b", "float")
_binary("power", "a ^ b", "float")
_binary("maximum", "the larger of a and b", "float", "int", derivative="half to each at a tie")
_binary("minimum", "the smaller of a and b", "float", "int", derivative="half to each at a tie")
_binary("greater", "a > b", "float", "int", result="bool")
_binary("greater_equal", "a >= b", "float", "int", result="bool")
_binary("less", "a < b", "float", "int", result="bool")
_binary("less_equal", "a <= b", "float", "int", result="bool")
_binary("equal", "a == b", "float", "int", "bool", result="bool")
_binary("not_equal", "a != b", "float", "int", "bool", result="bool")
_binary("logical_and", "a and b", "bool")
_binary("logical_or", "a or b", "bool")
_binary("bitwise_and", "a & b, on int32", "int")
_binary("bitwise_xor", "a ^ b, on int32", "int")


@primitive("shift_right_logical", "x >> bits on int32, filling with zeros; 0 < bits < 32", bits=...)
def _shift_right_logical(x: Type, bits: int) -> Type:
    require_dtype("shift_right_logical", x, "int")
    if not 0 < bits < 32:
        raise DTypeError(f"shift_right_logical: bits must be 1 to 31, got {bits}")
    return Type(x.shape, "int")


@primitive("where", "a where condition holds, b elsewhere", arity=3)
def _where(condition: Type, a: Type, b: Type) -> Type:
    require_dtype("where", condition, "bool")
    return Type(broadcast("where", condition.shape, a.shape, b.shape), _common("where", a, b))


@primitive("astype", "x converted to another dtype; float to int cuts towards zero", dtype=...)
def _astype(x: Type, dtype: DType) -> Type:
    if dtype not in ("float", "int", "bool"):
        raise DTypeError(f"astype: {dtype!r} is none of 'float', 'int', 'bool'")
    return Type(x.shape, dtype)
