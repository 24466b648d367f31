"""Operations on each element, with NumPy's broadcasting."""

from __future__ import annotations

from polydl.errors import DefinitionError
from polydl.ops import definitions
from polydl.program.types import DType, Scalar
from polydl.program.unboxed import unboxed
from polydl.spec import numbers
from polydl.spec.apply import apply
from polydl.spec.numbers import quotient
from polydl.spec.tensor import Tensor

Number = Tensor | Scalar


def negative(x: Tensor) -> Tensor:
    """-x."""
    return apply("negative", x)


def absolute(x: Tensor) -> Tensor:
    """|x|; its derivative at 0 is 0."""
    return apply("absolute", x)


def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1. Its derivative is 0."""
    return apply("sign", x)


def exp(x: Tensor) -> Tensor:
    """e^x."""
    return apply("exp", x)


def exp2(x: Tensor) -> Tensor:
    """2^x."""
    return apply("exp2", x)


def expm1(x: Tensor) -> Tensor:
    """e^x - 1, exact for small x."""
    return apply("expm1", x)


def log(x: Tensor) -> Tensor:
    """Natural logarithm."""
    return apply("log", x)


def log1p(x: Tensor) -> Tensor:
    """log(1 + x), exact for small x."""
    return apply("log1p", x)


def log2(x: Tensor) -> Tensor:
    """Logarithm to the base 2."""
    return apply("log2", x)


def log10(x: Tensor) -> Tensor:
    """Logarithm to the base 10."""
    return apply("log10", x)


def logaddexp(a: Tensor, b: Tensor) -> Tensor:
    """log(e^a + e^b), without overflow."""
    return definitions.logaddexp(a, b)


def sqrt(x: Tensor) -> Tensor:
    """Square root."""
    return apply("sqrt", x)


def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x)."""
    return apply("rsqrt", x)


def square(x: Tensor) -> Tensor:
    """x * x."""
    return apply("square", x)


def reciprocal(x: Tensor) -> Tensor:
    """1 / x, a float, of ints too."""
    return apply("divide", *quotient(1.0, x))


def sin(x: Tensor) -> Tensor:
    """Sine, of radians."""
    return apply("sin", x)


def cos(x: Tensor) -> Tensor:
    """Cosine, of radians."""
    return apply("cos", x)


def tan(x: Tensor) -> Tensor:
    """Tangent, of radians."""
    return apply("tan", x)


def arcsin(x: Tensor) -> Tensor:
    """Inverse sine, from -π/2 to π/2."""
    return apply("arcsin", x)


def arccos(x: Tensor) -> Tensor:
    """Inverse cosine, from 0 to π."""
    return apply("arccos", x)


def arctan(x: Tensor) -> Tensor:
    """Inverse tangent, from -π/2 to π/2."""
    return apply("arctan", x)


def arctan2(y: Number, x: Number) -> Tensor:
    """The angle of the point (x, y), from -π to π."""
    return apply("arctan2", y, x)


def sinh(x: Tensor) -> Tensor:
    """Hyperbolic sine."""
    return apply("sinh", x)


def cosh(x: Tensor) -> Tensor:
    """Hyperbolic cosine."""
    return apply("cosh", x)


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return apply("tanh", x)


def arcsinh(x: Tensor) -> Tensor:
    """Inverse hyperbolic sine."""
    return apply("arcsinh", x)


def arccosh(x: Tensor) -> Tensor:
    """Inverse hyperbolic cosine, of x >= 1."""
    return apply("arccosh", x)


def arctanh(x: Tensor) -> Tensor:
    """Inverse hyperbolic tangent, of -1 < x < 1."""
    return apply("arctanh", x)


def erf(x: Tensor) -> Tensor:
    """Error function."""
    return apply("erf", x)


def erfc(x: Tensor) -> Tensor:
    """1 - erf(x), exact for large x."""
    return apply("erfc", x)


def erfinv(x: Tensor) -> Tensor:
    """Inverse of the error function, of -1 < x < 1."""
    return apply("erfinv", x)


def floor(x: Tensor) -> Tensor:
    """The largest whole number that is not above x. Its derivative is 0."""
    return apply("floor", x)


def ceil(x: Tensor) -> Tensor:
    """The smallest whole number that is not below x. Its derivative is 0."""
    return apply("ceil", x)


def round(x: Tensor) -> Tensor:
    """The nearest whole number, the even one of two. Its derivative is 0."""
    return apply("round", x)


def trunc(x: Tensor) -> Tensor:
    """x without its fraction. Its derivative is 0."""
    return apply("trunc", x)


def astype(x: Tensor, dtype: DType) -> Tensor:
    """Converted to "float", "int" or "bool"."""
    return x.astype(dtype)


def stop_gradient(x: Tensor) -> Tensor:
    """x, counted as a constant by differentiation, as ints and bools are anyway."""
    return apply("stop_gradient", x) if x.dtype == "float" else x


def isnan(x: Tensor) -> Tensor:
    """Whether x is no number."""
    return apply("isnan", x)


def isinf(x: Tensor) -> Tensor:
    """Whether x is an infinity."""
    return apply("isinf", x)


def isfinite(x: Tensor) -> Tensor:
    """Whether x is a number, and no infinity."""
    return apply("isfinite", x)


def nan_to_num(
    x: Tensor,
    nan: float = 0.0,
    posinf: float = 3.4028234663852886e38,
    neginf: float = -3.4028234663852886e38,
) -> Tensor:
    """x with numbers for NaN and the infinities, by default the largest of float32."""
    return definitions.nan_to_num(x, nan=float(nan), posinf=float(posinf), neginf=float(neginf))


def add(a: Number, b: Number) -> Tensor:
    """a + b."""
    return apply("add", a, b)


def subtract(a: Number, b: Number) -> Tensor:
    """a - b."""
    return apply("subtract", a, b)


def multiply(a: Number, b: Number) -> Tensor:
    """a * b."""
    return apply("multiply", a, b)


def divide(a: Number, b: Number) -> Tensor:
    """a / b, a float, of ints too."""
    return apply("divide", *quotient(a, b))


def power(a: Number, b: Number) -> Tensor:
    """a to the power of b, of floats."""
    return apply("power", a, b)


def floor_divide(a: Number, b: Number) -> Tensor:
    """floor(a / b). Of ints over 0 it is 0, as in NumPy; torch raises there."""
    return numbers.whole_quotient(a, b)


def remainder(a: Number, b: Number) -> Tensor:
    """a - b floor(a / b), which has b's sign. Derivatives: 1 and -floor(a / b).

    Of ints over 0 it is 0, as in NumPy.
    """
    return numbers.remainder(a, b)


mod = remainder


def maximum(a: Number, b: Number) -> Tensor:
    """The larger of two; at a tie each gets half of the derivative."""
    return apply("maximum", a, b)


def minimum(a: Number, b: Number) -> Tensor:
    """The smaller of two; at a tie each gets half of the derivative."""
    return apply("minimum", a, b)


def clip(x: Tensor, low: Number | None = None, high: Number | None = None) -> Tensor:
    """x between low and high. Its derivative is 1 at the bounds as between them, and 0 beyond.

    So torch and TensorFlow have it; JAX's is a half at the bounds.
    """
    if low is None and high is None:
        raise DefinitionError("clip takes at least one of low and high")
    if not isinstance(low, Tensor) and not isinstance(high, Tensor):
        return apply("clip", x, low=_bound(x, low), high=_bound(x, high))
    if low is not None:
        x = where(x < low, low, x)
    return x if high is None else where(x > high, high, x)


def where(condition: Tensor, a: Number, b: Number) -> Tensor:
    """`a` where `condition` holds, `b` elsewhere."""
    return apply("where", condition, a, b)


def greater(a: Number, b: Number) -> Tensor:
    """a > b."""
    return apply("greater", a, b)


def greater_equal(a: Number, b: Number) -> Tensor:
    """a >= b."""
    return apply("greater_equal", a, b)


def less(a: Number, b: Number) -> Tensor:
    """a < b."""
    return apply("less", a, b)


def less_equal(a: Number, b: Number) -> Tensor:
    """a <= b."""
    return apply("less_equal", a, b)


def equal(a: Number, b: Number) -> Tensor:
    """a == b."""
    return apply("equal", a, b)


def not_equal(a: Number, b: Number) -> Tensor:
    """a != b."""
    return apply("not_equal", a, b)


def logical_and(a: Tensor, b: Tensor) -> Tensor:
    """a and b, of bools."""
    return apply("logical_and", a, b)


def logical_or(a: Tensor, b: Tensor) -> Tensor:
    """a or b, of bools."""
    return apply("logical_or", a, b)


def logical_xor(a: Tensor, b: Tensor) -> Tensor:
    """Either a or b, of bools."""
    return apply("logical_xor", a, b)


def logical_not(x: Tensor) -> Tensor:
    """not x, of bools."""
    return apply("logical_not", x)


def bitwise_and(a: Number, b: Number) -> Tensor:
    """a & b, on int32."""
    return apply("bitwise_and", a, b)


def bitwise_or(a: Number, b: Number) -> Tensor:
    """a | b, on int32."""
    return apply("bitwise_or", a, b)


def bitwise_xor(a: Number, b: Number) -> Tensor:
    """a ^ b, on int32."""
    return apply("bitwise_xor", a, b)


def bitwise_not(x: Tensor) -> Tensor:
    """~x, on int32."""
    return apply("bitwise_not", x)


def left_shift(x: Number, bits: Number) -> Tensor:
    """x << bits on int32, for 0 <= bits < 32; what leaves the word is lost."""
    return apply("left_shift", x, bits)


def right_shift(x: Number, bits: Number) -> Tensor:
    """x >> bits on int32, for 0 <= bits < 32; copies of the sign move in."""
    return apply("right_shift", x, bits)


def shift_right_logical(x: Tensor, bits: int) -> Tensor:
    """x >> bits on int32, filling with zeros."""
    return apply("shift_right_logical", x, bits=bits)


def _bound(x: Tensor, bound: Scalar | None) -> Scalar | None:
    bound = unboxed(bound)
    if bound is not None and not isinstance(bound, (bool, int, float)):
        raise DefinitionError(f"clip: a bound is a number or a tensor, got {bound!r}")
    return float(bound) if bound is not None and x.dtype == "float" else bound
