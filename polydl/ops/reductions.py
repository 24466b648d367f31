"""Operations over axes: reductions, running sums and statistics."""

from __future__ import annotations

import math

from polydl.errors import DefinitionError
from polydl.ops import definitions
from polydl.spec.apply import apply
from polydl.spec.tensor import Tensor

Axes = int | tuple[int, ...] | None


def sum(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Sum over axes; all of them by default."""
    return apply("sum", x, axis=_axes(x, axis), keepdims=keepdims)


def mean(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Mean over axes; all of them by default."""
    return apply("mean", x, axis=_axes(x, axis), keepdims=keepdims)


def prod(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Product over axes; all of them by default. Zeros among the factors are no harm."""
    return apply("prod", x, axis=_axes(x, axis), keepdims=keepdims)


def max(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Largest over axes; ties share the derivative evenly."""
    return apply("max", x, axis=_axes(x, axis), keepdims=keepdims)


def min(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Smallest over axes; ties share the derivative evenly."""
    return apply("min", x, axis=_axes(x, axis), keepdims=keepdims)


def any(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether any of the bools over axes holds."""
    return apply("any", x, axis=_axes(x, axis), keepdims=keepdims)


def all(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether all of the bools over axes hold."""
    return apply("all", x, axis=_axes(x, axis), keepdims=keepdims)


def argmax(x: Tensor, axis: int = -1) -> Tensor:
    """Index of the largest along an axis; the first among equals."""
    return apply("argmax", x, axis=axis)


def argmin(x: Tensor, axis: int = -1) -> Tensor:
    """Index of the smallest along an axis; the first among equals."""
    return apply("argmin", x, axis=axis)


def count_nonzero(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """How many over axes are not 0, or hold."""
    found = x if x.dtype == "bool" else x != 0
    return sum(found.astype("int"), axis, keepdims)


def var(x: Tensor, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """Variance over axes: the mean squared deviation, divided by n - ddof.

    NumPy, JAX and Keras divide by n by default, torch by n - 1.
    """
    return definitions.var(x, axis=_axes(x, axis), ddof=ddof, keepdims=keepdims)


def std(x: Tensor, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """Standard deviation over axes: the root of `var`."""
    return definitions.std(x, axis=_axes(x, axis), ddof=ddof, keepdims=keepdims)


def logsumexp(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """log of the sum of e^x over axes, without overflow; of nothing but -inf it is -inf."""
    return definitions.logsumexp(x, axis=_axes(x, axis), keepdims=keepdims)


def norm(x: Tensor, ord: float = 2, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Vector norm over axes: (sum of |x|^ord)^(1/ord), or the largest |x| for infinity.

    The derivative of the Euclidean norm at the zero vector is 0, as in torch; NumPy's way of writing
    it gives NaN there.
    """
    axes = _axes(x, axis)
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


def cumsum(x: Tensor, axis: int = -1) -> Tensor:
    """Running sum along an axis, the last by default (NumPy's default flattens)."""
    return apply("cumsum", x, axis=axis)


def cumprod(x: Tensor, axis: int = -1) -> Tensor:
    """Running product along an axis, the last by default. Zeros are no harm.

    Except on Keras along an axis of unknown size: TensorFlow's derivative is wrong at zeros there.
    """
    return apply("cumprod", x, axis=axis)


def _axes(x: Tensor, axis: Axes) -> int | tuple[int, ...]:
    """Axes as the author gave them; None means all, spelled out."""
    if not isinstance(x, Tensor):
        raise DefinitionError(f"a reduction takes a tensor, got {x!r}")
    return tuple(range(x.ndim)) if axis is None else axis
