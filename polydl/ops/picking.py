"""Operations that look up, add at indices, and order."""

from __future__ import annotations

from polydl.errors import DefinitionError, ShapeError
from polydl.ops import definitions
from polydl.ops.elementwise import maximum
from polydl.ops.making import arange, full, zeros
from polydl.ops.shapes import concatenate, one_axis
from polydl.primitives.record import integers, normal_axis
from polydl.program.sizes import AnySize
from polydl.program.types import DType, Scalar
from polydl.spec.apply import apply
from polydl.spec.numbers import as_float, counted, is_bool
from polydl.spec.tensor import Tensor

Number = Tensor | Scalar


def take(table: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """Rows of a table by index, along an axis, which a table of several axes must be given.

    (NumPy, torch and JAX flatten the table by default, TensorFlow has axis 0.) Out of range takes
    the nearest row, on every backend; so -1 is the first one.
    """
    if axis is None and table.ndim > 1:
        raise DefinitionError(f"take: give the axis of {table!r}, such as axis=0 for its rows")
    return apply("take", table, indices, **({"axis": axis} if axis else {}))


def take_along_axis(x: Tensor, indices: Tensor, axis: int = -1) -> Tensor:
    """One element per index along an axis."""
    return apply("take_along_axis", x, indices, axis=axis)


def update_slice(x: Tensor, part: Tensor, start: Number, axis: int = 0) -> Tensor:
    """x with `part` in place of its slice from `start` on, along an axis.

    start: an int scalar, known when the model runs. From where part would not fit, it is moved until
    it does.
    """
    return apply("update_slice", x, part, start, axis=normal_axis("update_slice", axis, x.ndim))


def scatter_add(x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    """x with each row of `updates` added to the row at its index; those of equal indices add up.

    updates: (*indices.shape, *x.shape[1:]). Out of range adds to the nearest row, as `take` takes it.
    """
    return apply("scatter_add", x, indices, updates)


def segment_sum(data: Tensor, segment_ids: Tensor, num_segments: AnySize) -> Tensor:
    """The sum of the rows of data that share an id; (num_segments, ...), zeros where there is none.

    Ids need not be in order. Out of range is the nearest segment, as in `scatter_add` (JAX drops
    such rows, torch and TensorFlow raise).
    """
    if isinstance(num_segments, int) and num_segments < 1:
        raise ShapeError(f"segment_sum: there must be a segment, got num_segments={num_segments}")
    start = zeros((num_segments, *data.shape[segment_ids.ndim :]), data.dtype)
    return scatter_add(start, segment_ids, data)


def segment_mean(data: Tensor, segment_ids: Tensor, num_segments: AnySize) -> Tensor:
    """The mean of the rows of data that share an id; zeros where there is none."""
    total = segment_sum(data, segment_ids, num_segments)
    count = segment_sum(full(segment_ids.shape, 1.0), segment_ids, num_segments)
    for _ in range(total.ndim - 1):
        count = count[..., None]
    return total / maximum(count, 1.0)


def sort(x: Tensor, axis: int | None = -1) -> Tensor:
    """In ascending order along an axis, None flattens; an element keeps its derivative."""
    x, axis = one_axis(x, axis)
    if is_bool(x):
        return apply("sort", counted(x), axis=axis).astype("bool")
    return apply("sort", x, axis=axis)


def argsort(x: Tensor, axis: int | None = -1) -> Tensor:
    """The indices that sort along an axis, None flattens; of equals the first comes first."""
    x, axis = one_axis(x, axis)
    return apply("argsort", counted(x), axis=axis)


def top_k(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(values, indices) of the k largest along the last axis, the largest first.

    Of equals the first comes first, as in JAX and TensorFlow; torch.topk takes any. NaN counts as the
    largest.
    """
    size = x.shape[-1] if x.ndim else 0
    integers("top_k", "k", k)
    if k < 1 or (isinstance(size, int) and k > size):
        raise ShapeError(f"top_k: an axis of {size} has no {k} largest")
    if is_bool(x):
        values, indices = definitions.top_k(counted(x), k=k)
        return values.astype("bool"), indices
    return definitions.top_k(x, k=k)


def median(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The middle of the sorted elements along an axis, or the mean of the middle two."""
    x, axis = one_axis(as_float(x), axis)
    place = normal_axis("median", axis, x.ndim)
    size = x.shape[place]
    if isinstance(size, int) and size < 1:
        raise ShapeError("median: an axis of 0 has no middle")
    ordered = sort(x, axis)
    if isinstance(size, int):
        picked = ordered[(*(slice(None),) * place, slice((size - 1) // 2, size // 2 + 1))]
    else:
        both = concatenate([arange(i, i + 1) for i in ((size - 1) // 2, size // 2)])
        picked = take(ordered, both, axis)
    return apply("mean", picked, axis=axis, keepdims=keepdims)


def one_hot(indices: Tensor, num_classes: int, axis: int = -1, dtype: DType = "float") -> Tensor:
    """1 at each index along a new axis, 0 elsewhere; all zeros for an index out of range.

    So JAX and TensorFlow have it; torch raises out of range.
    """
    normal_axis("one_hot", axis, indices.ndim + 1)
    if any(isinstance(n, int) and n < 1 for n in integers("one_hot", "classes", num_classes)):
        raise ShapeError(f"one_hot: there must be a class, got num_classes={num_classes}")
    return definitions.one_hot(indices, num_classes=num_classes, axis=axis, dtype=dtype)
