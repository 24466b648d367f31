"""Operations defined on primitives, for which frameworks have parts of their own.

Each is a built-in function: tensors in their places, plain data by keyword. What users call stands in
the other modules, checks its arguments, and calls these.
"""

from __future__ import annotations

import math

from polydl.primitives.record import normal_axes, normal_axis
from polydl.program.sizes import Shape, product
from polydl.program.types import DType
from polydl.spec.apply import apply
from polydl.spec.registry import builtin_function
from polydl.spec.tensor import Tensor

Axes = int | tuple[int, ...]
Widths = tuple[tuple[int, int], ...]


@builtin_function()
def logaddexp(a: Tensor, b: Tensor) -> Tensor:
    """log(e^a + e^b): the larger, and what the smaller adds. Equals, infinite too, add log 2."""
    apart = apply("where", apply("equal", a, b), 0.0, a - b)
    smaller = apply("exp", -abs(apart))
    return apply("maximum", a, b) + apply("log1p", smaller)


@builtin_function()
def nan_to_num(x: Tensor, *, nan: float, posinf: float, neginf: float) -> Tensor:
    """Numbers for what is none."""
    x = apply("where", x == math.inf, posinf, x)
    x = apply("where", x == -math.inf, neginf, x)
    return apply("where", apply("isnan", x), nan, x)


@builtin_function()
def var(x: Tensor, *, axis: Axes, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """sum (x - mean)^2 / (n - ddof)."""
    squares = apply("square", x - apply("mean", x, axis=axis, keepdims=True))
    if ddof == 0:
        return apply("mean", squares, axis=axis, keepdims=keepdims)
    sizes = tuple(x.shape[i] for i in normal_axes("var", axis, x.ndim))
    return apply("sum", squares, axis=axis, keepdims=keepdims) / (_count(sizes) - ddof)


def _count(sizes: Shape) -> Tensor | float:
    """How many elements there are, of sizes that may be known only at run time."""
    n = product(sizes)
    if isinstance(n, int):
        return float(n)
    return apply("sum", apply("full", shape=sizes, value=1.0), axis=tuple(range(len(sizes))))


@builtin_function()
def std(x: Tensor, *, axis: Axes, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """The root of the variance."""
    return apply("sqrt", var(x, axis=axis, ddof=ddof, keepdims=keepdims))


@builtin_function()
def logsumexp(x: Tensor, *, axis: Axes, keepdims: bool = False) -> Tensor:
    """The largest, and the log of the sum of e^(x - largest)."""
    largest = apply("stop_gradient", apply("max", x, axis=axis, keepdims=True))
    largest = apply("where", apply("isfinite", largest), largest, 0.0)
    total = apply("sum", apply("exp", x - largest), axis=axis, keepdims=True)
    result = apply("log", total) + largest
    return result if keepdims else _without(result, axis)


@builtin_function()
def norm(x: Tensor, *, axis: Axes, keepdims: bool = False) -> Tensor:
    """The root of the sum of squares, whose derivative at 0 is 0."""
    squares = apply("sum", apply("square", x), axis=axis, keepdims=keepdims)
    zero = squares <= 0  # which NaN is not
    root = apply("sqrt", apply("where", zero, 1.0, squares))
    return apply("where", zero, 0.0, root)


@builtin_function()
def stack(*parts: Tensor, axis: int = 0) -> Tensor:
    """Joined along a new axis of size 1 of each."""
    axis = normal_axis("stack", axis, parts[0].ndim + 1)
    shape = parts[0].shape
    new = (*shape[:axis], 1, *shape[axis:])
    return apply("concatenate", *(apply("reshape", x, shape=new) for x in parts), axis=axis)


@builtin_function()
def split(x: Tensor, *, indices: tuple[int, ...], axis: int = -1) -> tuple[Tensor, ...]:
    """Slices from one index to the next."""
    before = (slice(None),) * normal_axis("split", axis, x.ndim)
    pairs = zip((None, *indices), (*indices, None), strict=True)
    return tuple(x[(*before, slice(start, stop))] for start, stop in pairs)


@builtin_function()
def unstack(x: Tensor, *, axis: int = 0) -> tuple[Tensor, ...]:
    """x[i] for each i."""
    place = normal_axis("unstack", axis, x.ndim)
    before = (slice(None),) * place
    return tuple(x[(*before, i)] for i in range(int(x.shape[place])))


@builtin_function()
def tile(x: Tensor, *, reps: tuple[int, ...]) -> Tensor:
    """Each axis repeated along a new one before it, and both made one."""
    twice = tuple(size for s in x.shape for size in (1, s))
    repeated = tuple(size for s, n in zip(x.shape, reps, strict=True) for size in (n, s))
    result = tuple(s * n for s, n in zip(x.shape, reps, strict=True))
    spread = apply("broadcast_to", apply("reshape", x, shape=twice), shape=repeated)
    return apply("reshape", spread, shape=result)


@builtin_function()
def repeat(x: Tensor, *, repeats: int, axis: int = -1) -> Tensor:
    """An axis repeated along a new one after it, and both made one."""
    axis = normal_axis("repeat", axis, x.ndim)
    before, size, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    new = apply("reshape", x, shape=(*before, size, 1, *after))
    spread = apply("broadcast_to", new, shape=(*before, size, repeats, *after))
    return apply("reshape", spread, shape=(*before, size * repeats, *after))


@builtin_function()
def edge_pad(x: Tensor, *, widths: Widths) -> Tensor:
    """The nearest element outside: what `take` takes there."""
    for axis, (low, high) in enumerate(widths):
        if low or high:
            position = apply("arange", size=x.shape[axis] + low + high, start=-low)
            x = apply("take", x, position, axis=axis)
    return x


@builtin_function()
def reflect_pad(x: Tensor, *, widths: Widths) -> Tensor:
    """The element as far inside as one lies outside: the next ones of the axis, and of its reverse."""
    for axis, (low, high) in enumerate(widths):
        parts = [x]
        if low:
            first = apply("take", x, apply("arange", size=low, start=1), axis=axis)
            parts.insert(0, apply("flip", first, axis=(axis,)))
        if high:
            turned = apply("flip", x, axis=(axis,))
            parts.append(apply("take", turned, apply("arange", size=high, start=1), axis=axis))
        x = apply("concatenate", *parts, axis=axis) if low or high else x
    return x


@builtin_function()
def tril(x: Tensor, *, k: int = 0) -> Tensor:
    """x where column - row <= k."""
    return apply("where", _offset(x, k) <= k, x, _zero(x))


@builtin_function()
def triu(x: Tensor, *, k: int = 0) -> Tensor:
    """x where column - row >= k."""
    return apply("where", _offset(x, k) >= k, x, _zero(x))


def _offset(x: Tensor, k: int) -> Tensor:
    """How many diagonals above the main one each element of a matrix is."""
    rows, columns = (apply("arange", size=size) for size in x.shape[-2:])
    return columns - rows[:, None]


def _zero(x: Tensor) -> float | int | bool:
    return {"float": 0.0, "int": 0, "bool": False}[x.dtype]


@builtin_function()
def diagonal(x: Tensor, *, offset: int = 0) -> Tensor:
    """Every (columns + 1)-th element of the last two axes, read as one."""
    rows, columns = (int(size) for size in x.shape[-2:])
    length = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    start = offset if offset >= 0 else -offset * columns
    flat = apply("reshape", x, shape=(*x.shape[:-2], rows * columns))
    step = columns + 1
    if not length:
        return flat[..., :0]
    return flat[..., start : start + (length - 1) * step + 1 : step]


@builtin_function()
def diag(x: Tensor, *, k: int = 0) -> Tensor:
    """x, padded to the matrix' size, by its columns, where column - row = k."""
    if k:
        x = apply("pad", x, widths=((max(k, 0), max(-k, 0)),))
    row, column = (apply("arange", size=x.shape[0]) for _ in range(2))
    return apply("where", column - row[:, None] == k, x, _zero(x))


@builtin_function()
def top_k(x: Tensor, *, k: int) -> tuple[Tensor, Tensor]:
    """The end of the ascending order of the reversed axis, backwards; the first of equals is first."""
    order = apply("argsort", apply("flip", x, axis=(-1,)), axis=-1)
    last, size = apply("flip", order, axis=(-1,)), x.shape[-1]
    if isinstance(size, int):
        indices = (size - 1) - last[..., :k]
    else:
        places = apply("flip", apply("arange", size=size), axis=(0,))
        indices = apply("take", places, apply("take", last, apply("arange", size=k), axis=-1))
    return apply("take_along_axis", x, indices, axis=-1), indices


@builtin_function()
def one_hot(indices: Tensor, *, num_classes: int, axis: int = -1, dtype: DType = "float") -> Tensor:
    """indices == class, for each class."""
    rank = indices.ndim + 1
    place = normal_axis("one_hot", axis, rank)
    classes = apply("arange", size=num_classes)
    new = apply("reshape", indices, shape=(*indices.shape[:place], 1, *indices.shape[place:]))
    if place < rank - 1:
        classes = apply("reshape", classes, shape=(num_classes, *(1,) * (rank - 1 - place)))
    return (new == classes).astype(dtype)


@builtin_function()
def fft(real: Tensor, imaginary: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over all t, the angles taken modulo a full turn."""
    cos, sin = _waves(int(real.shape[-1]), int(real.shape[-1]))
    return (
        _transform(real, cos) + _transform(imaginary, sin),
        _transform(imaginary, cos) - _transform(real, sin),
    )


@builtin_function()
def ifft(real: Tensor, imaginary: Tensor) -> tuple[Tensor, Tensor]:
    """`fft` of the pair swapped, swapped, over n."""
    turned_imaginary, turned_real = fft(imaginary, real)
    n = float(int(real.shape[-1]))
    return turned_real / n, turned_imaginary / n


@builtin_function()
def rfft(x: Tensor) -> tuple[Tensor, Tensor]:
    """Half of `fft`, with no imaginary part."""
    n = int(x.shape[-1])
    cos, sin = _waves(n, n // 2 + 1)
    return _transform(x, cos), -_transform(x, sin)


@builtin_function()
def irfft(real: Tensor, imaginary: Tensor, *, n: int) -> Tensor:
    """Every term counts twice, but for the first and, of an even number, the last."""
    cos, sin = _waves(n, n // 2 + 1)
    term = apply("arange", size=n // 2 + 1)
    single = (term == 0) | (term * 2 == n)
    weight = apply("where", single, 1.0, 2.0) * (1 / n)
    turned = _transform(real * weight, apply("transpose", cos, axes=(1, 0)))
    return turned - _transform(imaginary * weight, apply("transpose", sin, axes=(1, 0)))


def _waves(n: int, terms: int) -> tuple[Tensor, Tensor]:
    """cos and sin of 2π t k / n for t < n (rows) and k < terms (columns)."""
    t, k = apply("arange", size=n), apply("arange", size=terms)
    angle = apply("remainder", t[:, None] * k, n).astype("float") * (2 * math.pi / n)
    return apply("cos", angle), apply("sin", angle)


def _transform(x: Tensor, waves: Tensor) -> Tensor:
    return apply("einsum", x, waves, equation="...t,tk->...k")


def _without(x: Tensor, axis: Axes) -> Tensor:
    """x without axes of size 1."""
    axes = normal_axes("squeeze", axis, x.ndim)
    return apply("reshape", x, shape=tuple(size for i, size in enumerate(x.shape) if i not in axes))
