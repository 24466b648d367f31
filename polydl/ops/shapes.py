"""Operations that rearrange, join and cut arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polydl.errors import DefinitionError, ShapeError
from polydl.ops import definitions
from polydl.primitives.record import broadcast, integers, normal_axes, normal_axis
from polydl.primitives.record import sizes as sizes_of
from polydl.program.sizes import AnySize, Shape, floor_divide, product, same
from polydl.program.unboxed import unboxed
from polydl.spec.apply import apply
from polydl.spec.tensor import Tensor

Widths = int | tuple[int, int] | Sequence[tuple[int, int]]


def reshape(x: Tensor, shape: AnySize | Sequence[AnySize]) -> Tensor:
    """The same elements in C order; one size may be -1."""
    sizes = integers("reshape", "sizes", shape)
    open_axes = [i for i, size in enumerate(sizes) if isinstance(size, int) and size == -1]
    if len(open_axes) > 1:
        raise ShapeError(f"reshape: only one size may be -1, got {sizes}")
    if open_axes:
        known = product(size for i, size in enumerate(sizes) if i != open_axes[0])
        rest = 0 if same(known, 0) else floor_divide(product(x.shape), known)
        sizes = (*sizes[: open_axes[0]], rest, *sizes[open_axes[0] + 1 :])
    return apply("reshape", x, shape=sizes)


def ravel(x: Tensor) -> Tensor:
    """All elements along one axis."""
    return reshape(x, (-1,))


def one_axis(x: Tensor, axis: int | None) -> tuple[Tensor, int]:
    """x and an axis of it; None is the only axis of all elements."""
    if axis is not None:
        return x, axis
    return (x if x.ndim == 1 else ravel(x)), 0


def expand_dims(x: Tensor, axis: int | tuple[int, ...]) -> Tensor:
    """New axes of size 1, at these places of the result."""
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    rank = x.ndim + len(axes)
    places = normal_axes("expand_dims", axes, rank)
    sizes = iter(x.shape)
    return reshape(x, [1 if i in places else next(sizes) for i in range(rank)])


def squeeze(x: Tensor, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """Without these axes of size 1; by default without all that are known to be 1."""
    if axis is None:
        axis = tuple(i for i, size in enumerate(x.shape) if same(size, 1))
    axes = normal_axes("squeeze", axis, x.ndim)
    if not all(same(x.shape[i], 1) for i in axes):
        raise ShapeError(f"squeeze: axis {axis} of {x!r} is not of size 1")
    return reshape(x, [size for i, size in enumerate(x.shape) if i not in axes])


def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Axes in another order; reversed by default."""
    if axes is None:
        return apply("transpose", x, axes=tuple(range(x.ndim))[::-1])
    order = integers("transpose", "axes", axes)
    order = tuple(normal_axis("transpose", axis, x.ndim) for axis in order)
    return x if order == tuple(range(x.ndim)) else apply("transpose", x, axes=order)


def swapaxes(x: Tensor, axis1: int, axis2: int) -> Tensor:
    """Two axes in each other's place."""
    first, second = normal_axes("swapaxes", (axis1, axis2), x.ndim)
    order = list(range(x.ndim))
    order[first], order[second] = second, first
    return transpose(x, order)


def moveaxis(
    x: Tensor, source: int | tuple[int, ...], destination: int | tuple[int, ...]
) -> Tensor:
    """Axes moved to other places, the rest in order."""
    sources = normal_axes("moveaxis", source, x.ndim)
    places = normal_axes("moveaxis", destination, x.ndim)
    if len(sources) != len(places):
        raise ShapeError(f"moveaxis: {source} are not as many axes as {destination}")
    moved = dict(zip(places, sources, strict=True))
    rest = iter(i for i in range(x.ndim) if i not in sources)
    return transpose(x, [moved[i] if i in moved else next(rest) for i in range(x.ndim)])


def broadcast_to(x: Tensor, shape: Shape) -> Tensor:
    """x repeated to `shape`."""
    return apply("broadcast_to", x, shape=sizes_of("broadcast_to", shape))


def concatenate(parts: Sequence[Tensor], axis: int | None = 0) -> Tensor:
    """Arrays joined along an axis, the first by default; None flattens them."""
    parts = _listed("concatenate", parts)
    if axis is None:
        parts, axis = [one_axis(part, None)[0] for part in parts], 0
    return apply("concatenate", *parts, axis=axis)


def stack(parts: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Arrays of one shape along a new axis."""
    return definitions.stack(*_listed("stack", parts), axis=axis)


def split(x: Tensor, indices_or_sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along an axis, the first by default: into so many equal parts, or before these indices.

    torch's split takes sizes where NumPy, JAX and Keras take indices.
    """
    place = normal_axis("split", axis, x.ndim)
    size = x.shape[place]
    sections = unboxed(indices_or_sections)
    if isinstance(sections, int):
        if not isinstance(size, int) or sections < 1 or size % sections:
            raise ShapeError(f"split: an axis of {size} has no {sections} equal parts")
        indices: tuple[int, ...] = tuple(range(size // sections, size, size // sections or 1))
    else:
        indices = integers("split", "indices", indices_or_sections)
        if list(indices) != sorted(indices) or any(
            i < 0 or (isinstance(size, int) and i > size) for i in indices
        ):
            raise ShapeError(f"split: {indices} are no ascending indices of an axis of {size}")
    if not indices:
        return (x,)
    return definitions.split(x, indices=indices, axis=axis)


def unstack(x: Tensor, axis: int = 0) -> tuple[Tensor, ...]:
    """The arrays along an axis of known size, which goes."""
    size = x.shape[normal_axis("unstack", axis, x.ndim)]
    if not isinstance(size, int):
        raise ShapeError(f"unstack: an axis of {size} has no fixed size")
    return definitions.unstack(x, axis=axis)


def tile(x: Tensor, reps: int | Sequence[int]) -> Tensor:
    """x repeated as a whole, so many times along each axis."""
    times = integers("tile", "repetitions", reps)
    times = (1,) * (x.ndim - len(times)) + times
    if any(count < 0 for count in times):
        raise ShapeError(f"tile: {reps} has a negative number")
    x = reshape(x, (1,) * (len(times) - x.ndim) + x.shape) if len(times) > x.ndim else x
    return definitions.tile(x, reps=times)


def repeat(x: Tensor, repeats: int, axis: int | None = None) -> Tensor:
    """Each element so many times in a row, along an axis, or of all of x, read as one."""
    if integers("repeat", "repetitions", repeats)[0] < 0:
        raise ShapeError(f"repeat: {repeats} is negative")
    x, axis = one_axis(x, axis)
    return definitions.repeat(x, repeats=repeats, axis=axis)


def flip(x: Tensor, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """Axes in reverse order; all of them by default."""
    axes = normal_axes("flip", axis, x.ndim)
    return apply("flip", x, axis=axes) if axes else x


def roll(
    x: Tensor, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None
) -> Tensor:
    """Elements moved on along axes, or through all of x, read as one; round the ends."""
    if axis is None:
        return reshape(roll(one_axis(x, None)[0], shift, 0), x.shape)
    shifts = integers("roll", "shifts", shift)
    axes = integers("roll", "axes", axis)
    if len(shifts) != len(axes):
        raise ShapeError(f"roll: {shift} is not a shift for each of the axes {axis}")
    for distance, place in zip(shifts, axes, strict=True):
        x = apply("roll", x, shift=distance, axis=place)
    return x


def pad(x: Tensor, widths: Widths, value: float = 0.0, mode: str = "constant") -> Tensor:
    """x with so many elements before and after, per axis.

    widths: (before, after) for each axis, or one pair or number for all.
    mode: "constant" (of `value`), "edge" (the nearest element), or "reflect" (mirrored at the edge,
    which is not repeated: NumPy's and torch's meaning of the word).
    """
    pairs = _widths(widths, x.ndim)
    if mode == "constant":
        return apply("pad", x, widths=pairs, value=float(value))
    if mode not in ("edge", "reflect"):
        raise DefinitionError(f"pad: mode is 'constant', 'edge' or 'reflect', got {mode!r}")
    if len(pairs) != x.ndim or any(width < 0 for pair in pairs for width in pair):
        raise ShapeError(f"pad: {pairs} is no (before, after) for each axis of {x!r}")
    if mode == "edge":
        return definitions.edge_pad(x, widths=pairs)
    for size, pair in zip(x.shape, pairs, strict=True):
        if isinstance(size, int) and max(pair) >= size > 0:
            raise ShapeError(f"pad: an axis of {size} cannot reflect {max(pair)} elements")
    return definitions.reflect_pad(x, widths=pairs)


def _widths(widths: Widths, rank: int) -> tuple[tuple[int, int], ...]:
    widths = unboxed(widths)
    if isinstance(widths, int):
        return ((widths, widths),) * rank
    if len(_listed("pad", widths)) == 2 and all(isinstance(width, int) for width in widths):
        return (tuple(widths),) * rank  # type: ignore[return-value]
    pairs = tuple(integers("pad", "widths", pair) for pair in widths)
    if any(len(pair) != 2 for pair in pairs):
        raise ShapeError(f"pad: widths are (before, after) for each axis, got {widths!r}")
    return pairs


def tril(x: Tensor, k: int = 0) -> Tensor:
    """The lower triangle of the last two axes, up to the k-th diagonal; zeros above."""
    _require_matrix("tril", x, k)
    return definitions.tril(x, k=k)


def triu(x: Tensor, k: int = 0) -> Tensor:
    """The upper triangle of the last two axes, from the k-th diagonal on; zeros below."""
    _require_matrix("triu", x, k)
    return definitions.triu(x, k=k)


def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """A diagonal of two axes, as the last axis."""
    first, second = normal_axes("diagonal", (axis1, axis2), x.ndim)
    rest = [i for i in range(x.ndim) if i not in (first, second)]
    if not all(isinstance(x.shape[i], int) for i in (first, second)):
        raise ShapeError(f"diagonal: the axes {axis1} and {axis2} of {x!r} have no fixed sizes")
    order = [*rest, first, second]
    return definitions.diagonal(x if order == sorted(order) else transpose(x, order), offset=offset)


def trace(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of a diagonal."""
    return apply("sum", diagonal(x, offset, axis1, axis2), axis=-1, keepdims=False)


def diag(x: Tensor, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix; of a vector, the square matrix that has it there."""
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ShapeError(f"diag takes a vector or a matrix, got {x!r}")
    return definitions.diag(x, k=k)


def meshgrid(*axes: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Each vector along its own axis, repeated over those of the others ("xy": the first two swap)."""
    if indexing not in ("xy", "ij"):
        raise DefinitionError(f"meshgrid: indexing is 'xy' or 'ij', got {indexing!r}")
    if any(x.ndim != 1 for x in axes):
        raise ShapeError(f"meshgrid takes vectors, got {axes}")
    places = list(range(len(axes)))
    if indexing == "xy" and len(axes) > 1:
        places[:2] = [1, 0]
    shapes = [
        tuple(x.shape[0] if i == place else 1 for i in range(len(axes)))
        for x, place in zip(axes, places, strict=True)
    ]
    whole = broadcast("meshgrid", *shapes)
    return tuple(broadcast_to(reshape(x, s), whole) for x, s in zip(axes, shapes, strict=True))


def _listed(name: str, given: Any) -> Sequence[Any]:
    if not isinstance(given, (tuple, list)) or not given:
        raise DefinitionError(f"{name} takes a list, got {given!r}")
    return given


def _require_matrix(name: str, x: Tensor, k: Any) -> None:
    integers(name, "k", k)
    if x.ndim < 2:
        raise ShapeError(f"{name} takes matrices, got {x!r}")
