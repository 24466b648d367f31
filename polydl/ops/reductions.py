"""Operations over axes: reductions, running sums and statistics."""

from __future__ import annotations

import math

from polydl.errors import DefinitionError, ShapeError
from polydl.ops import definitions
from polydl.ops.shapes import one_axis, reshape
from polydl.primitives.record import normal_axes, normal_axis
from polydl.program.sizes import product
from polydl.spec.apply import apply
from polydl.spec.numbers import as_float, counted, holds, is_bool
from polydl.spec.tensor import Tensor

Axes = int | tuple[int, ...] | None


def sum(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Sum over axes; all of them by default. Of bools it is how many hold."""
    return apply("sum", counted(x), axis=_axes(x, axis), keepdims=keepdims)


def mean(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Mean over axes; all of them by default."""
    return apply("mean", as_float(x), axis=_axes(x, axis), keepdims=keepdims)


def prod(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Product over axes; all of them by default. Zeros among the factors are no harm."""
    return apply("prod", counted(x), axis=_axes(x, axis), keepdims=keepdims)


def max(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Largest over axes, NaN where there is one; ties share the derivative evenly."""
    return apply("any" if is_bool(x) else "max", x, axis=_axes(x, axis), keepdims=keepdims)


def min(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Smallest over axes, NaN where there is one; ties share the derivative evenly."""
    return apply("all" if is_bool(x) else "min", x, axis=_axes(x, axis), keepdims=keepdims)


def any(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether any over axes holds; a number holds where it is not 0."""
    return apply("any", holds(x), axis=_axes(x, axis), keepdims=keepdims)


def all(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether all over axes hold; a number holds where it is not 0."""
    return apply("all", holds(x), axis=_axes(x, axis), keepdims=keepdims)


def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Index of the largest along an axis, or in all of x, read as one; the first among equals.

    NaN counts as the largest, but on Keras, where TensorFlow passes over it.
    """
    return _position("argmax", x, axis, keepdims)


def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Index of the smallest along an axis, or in all of x, read as one; the first among equals.

    NaN counts as the smallest, but on Keras, where TensorFlow passes over it.
    """
    return _position("argmin", x, axis, keepdims)


def _position(name: str, x: Tensor, axis: int | None, keepdims: bool) -> Tensor:
    given, place = one_axis(counted(x), axis)
    if not keepdims:
        return apply(name, given, axis=place)
    whole = range(x.ndim) if axis is None else (normal_axis(name, axis, x.ndim),)
    shape = [1 if i in whole else size for i, size in enumerate(x.shape)]
    return reshape(apply(name, given, axis=place), shape)


def count_nonzero(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """How many over axes are not 0, or hold."""
    return sum(holds(x), axis, keepdims)


def var(x: Tensor, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """Variance over axes: the mean squared deviation, divided by n - ddof.

    NumPy, JAX and Keras divide by n by default, torch by n - 1.
    """
    axis = _spread("var", x, axis, ddof)
    return definitions.var(as_float(x), axis=axis, ddof=ddof, keepdims=keepdims)


def std(x: Tensor, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """Standard deviation over axes: the root of `var`."""
    axis = _spread("std", x, axis, ddof)
    return definitions.std(as_float(x), axis=axis, ddof=ddof, keepdims=keepdims)


def _spread(name: str, x: Tensor, axis: Axes, ddof: int) -> int | tuple[int, ...]:
    """The axes of a variance, which must have more elements than ddof."""
    axes = _axes(x, axis)
    n = product(x.shape[i] for i in normal_axes(name, axes, x.ndim))
    if isinstance(n, int) and n <= ddof:
        raise ShapeError(f"{name}: there must be more than ddof={ddof} elements, got {n}")
    return axes


def logsumexp(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """log of the sum of e^x over axes, without overflow; of nothing but -inf it is -inf."""
    return definitions.logsumexp(as_float(x), axis=_axes(x, axis), keepdims=keepdims)


def norm(x: Tensor, ord: float = 2, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Vector norm over axes: (sum of |x|^ord)^(1/ord), or the largest |x| for infinity.

    It is NumPy's linalg.vector_norm: over two axes or all of them no matrix norm either.
    The derivative of the Euclidean norm at the zero vector is 0, as in torch; NumPy's way of writing
    it gives NaN there.
    """
    x, axes = as_float(x), _axes(x, axis)
    if ord == 2:
        return definitions.norm(x, axis=axes, keepdims=keepdims)
    magnitude = abs(x)
    if ord == 1:
        return sum(magnitude, axes, keepdims)
    if ord == math.inf:
        return max(magnitude, axes, keepdims)
    if ord <= 0:
        raise DefinitionError(f"norm: ord must be above 0, got {ord}")
    return sum(magnitude ** float(ord), axes, keepdims) ** (1 / ord)


def cumsum(x: Tensor, axis: int | None = None) -> Tensor:
    """Running sum along an axis, or over all of x, read as one."""
    x, axis = one_axis(counted(x), axis)
    return apply("cumsum", x, axis=axis)


def cumprod(x: Tensor, axis: int | None = None) -> Tensor:
    """Running product along an axis, or over all of x, read as one. Zeros are no harm.

    Except on Keras along an axis of unknown size: TensorFlow's derivative is wrong at zeros there.
    """
    x, axis = one_axis(counted(x), axis)
    return apply("cumprod", x, axis=axis)


def _axes(x: Tensor, axis: Axes) -> int | tuple[int, ...]:
    """Axes as the author gave them; None means all, spelled out."""
    return tuple(range(x.ndim)) if axis is None else axis
