"""Primitives that act on each element, with NumPy's broadcasting."""

from __future__ import annotations

from polydl.errors import DefinitionError, DTypeError
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
            instead = f"Convert those with .astype({t.dtype!r})"
            if t.dtype == "bool":
                instead = "Write 1 for True, 0 for False"
            raise DTypeError(
                f"{name}: a Python {t.dtype} does not combine with {dtype} values. {instead}"
            )
    return dtype


def _unary(name: str, meaning: str, *dtypes: DType, derivative: str = "") -> None:
    @primitive(name, meaning, derivative=derivative)
    def rule(x: Type) -> Type:
        require_dtype(name, x, *dtypes)
        return Type(x.shape, x.dtype)


def _test(name: str, meaning: str) -> None:
    @primitive(name, meaning)
    def rule(x: Type) -> Type:
        require_dtype(name, x, "float")
        return Type(x.shape, "bool")


def _binary(
    name: str, meaning: str, *dtypes: DType, result: DType | None = None, derivative: str = ""
) -> None:
    @primitive(name, meaning, arity=2, derivative=derivative)
    def rule(a: Type, b: Type) -> Type:
        dtype = _common(name, a, b)
        shape = broadcast(name, a.shape, b.shape)
        require_dtype(name, Type(shape, dtype), *dtypes)
        return Type(shape, result or dtype)


FLAT = "0 everywhere"

_unary("negative", "-x", "float", "int")
_unary("absolute", "|x|", "float", "int", derivative="0 at 0")
_unary("sign", "-1, 0 or 1", "float", "int", derivative=FLAT)
_unary("square", "x * x (int32 wraps around)", "float", "int")
_unary("exp", "e^x", "float")
_unary("exp2", "2^x", "float")
_unary("expm1", "e^x - 1, exact for small x", "float")
_unary("log", "ln x", "float")
_unary("log1p", "ln(1 + x), exact for small x", "float")
_unary("log2", "the logarithm of x to the base 2", "float")
_unary("log10", "the logarithm of x to the base 10", "float")
_unary("sqrt", "x^(1/2)", "float")
_unary("rsqrt", "x^(-1/2)", "float")
_unary("tanh", "(e^x - e^-x) / (e^x + e^-x)", "float")
_unary("sin", "the sine of x radians", "float")
_unary("cos", "the cosine of x radians", "float")
_unary("tan", "sin x / cos x", "float")
_unary("arcsin", "the angle from -pi/2 to pi/2 whose sine is x", "float")
_unary("arccos", "the angle from 0 to pi whose cosine is x", "float")
_unary("arctan", "the angle from -pi/2 to pi/2 whose tangent is x", "float")
_unary("sinh", "(e^x - e^-x) / 2", "float")
_unary("cosh", "(e^x + e^-x) / 2", "float")
_unary("arcsinh", "ln(x + sqrt(x^2 + 1))", "float")
_unary("arccosh", "ln(x + sqrt(x^2 - 1))", "float")
_unary("arctanh", "ln((1 + x) / (1 - x)) / 2", "float")
_unary("erf", "2/sqrt(pi) * integral of e^(-t^2) from 0 to x", "float")
_unary("erfc", "1 - erf x, exact for large x", "float")
_unary("erfinv", "the number whose erf is x", "float")
_unary("floor", "the largest whole number not above x", "float", derivative=FLAT)
_unary("ceil", "the smallest whole number not below x", "float", derivative=FLAT)
_unary("round", "the nearest whole number, of two the even one", "float", derivative=FLAT)
_unary("trunc", "x without its fraction", "float", derivative=FLAT)
_test("isnan", "whether x is no number")
_test("isinf", "whether x is an infinity")
_test("isfinite", "whether x is a number and no infinity")
_unary("bitwise_not", "~x, on int32", "int")
_unary("logical_not", "not x", "bool")
_unary("stop_gradient", "x, whose derivative counts as 0", "float")

_binary("add", "a + b", "float", "int")
_binary("subtract", "a - b", "float", "int")
_binary("multiply", "a * b (int32 wraps around)", "float", "int")
_binary("divide", "a / b", "float")
_binary("floor_divide", "floor(a / b), of int32; b is not 0", "int")
_binary("remainder", "a - b floor(a / b), with b's sign; an int b is not 0", "float", "int",
        derivative="-floor(a / b) by b")  # fmt: skip
_binary("power", "a ^ b", "float")
_binary("arctan2", "the angle of the point (b, a), from -pi to pi", "float")
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
_binary("logical_xor", "either a or b", "bool")
_binary("bitwise_or", "a | b, on int32", "int")
_binary("bitwise_xor", "a ^ b, on int32", "int")
_binary("left_shift", "a << b on int32, 0 <= b < 32", "int")
_binary("right_shift", "a >> b on int32, 0 <= b < 32; copies of the sign move in", "int")


@primitive("clip", "x between low and high; None is no bound", low=..., high=...,
           derivative="1 at the bounds, 0 beyond")  # fmt: skip
def _clip(x: Type, low: float | int | None, high: float | int | None) -> Type:
    require_dtype("clip", x, "float", "int")
    bounds = [bound for bound in (low, high) if bound is not None]
    if not bounds or bounds != sorted(bounds):
        raise DefinitionError(f"clip: low is at most high, got {low} and {high}")
    if any(isinstance(b, bool) or (x.dtype == "int" and not isinstance(b, int)) for b in bounds):
        raise DTypeError(f"clip: the bounds of {x} are {x.dtype}s, got {low} and {high}")
    return x


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
