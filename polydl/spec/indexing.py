"""NumPy-style indexing of a symbolic tensor, as `flip`, `index`, `take` and `reshape`.

Ints, slices, `...` and None (a new axis), and one list, array or tensor of ints, which is a `take`
along its axis.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from polydl.errors import DefinitionError, ShapeError
from polydl.program.sizes import AnySize
from polydl.spec.apply import apply
from polydl.spec.tensor import Tensor

Slice: TypeAlias = tuple[int | None, int | None, int | None]
Array: TypeAlias = "np.ndarray[Any, Any] | Tensor"
Part: TypeAlias = "int | Slice | Array | None"

WHOLE: Slice = (None, None, None)


def indexed(x: Tensor, index: Any) -> Tensor:
    """x[index]."""
    given = index if isinstance(index, tuple) else (index,)
    dots = [i for i, part in enumerate(given) if part is Ellipsis]
    if len(dots) > 1:
        raise ShapeError("an index can hold `...` only once")
    taken = sum(part is not None and part is not Ellipsis for part in given)
    if taken > x.ndim:
        raise ShapeError(f"{taken} indices for {x!r}")
    at = dots[0] if dots else len(given)
    missing = [slice(None)] * (x.ndim - taken)
    parts = [_part(part) for part in (*given[:at], *missing, *given[at + 1 :])]
    _require_one_array(parts)

    x, basic = _forwards(x, [part for part in parts if part is not None])
    picked = x
    if any(part != WHOLE for part in basic):
        picked = apply("index", x, index=tuple(basic))
    axis = 0  # of what is picked
    shape: list[AnySize] = []
    for part in parts:
        if part is None:
            shape.append(1)
        elif isinstance(part, (np.ndarray, Tensor)):
            indices = part if isinstance(part, Tensor) else _constant(part, picked.shape[axis])
            picked = apply("take", picked, indices, **({"axis": axis} if axis else {}))
            shape += indices.shape
            axis += indices.ndim
        elif not isinstance(part, int):
            shape.append(picked.shape[axis])
            axis += 1
    if not any(part is None for part in parts):
        return picked
    return apply("reshape", picked, shape=tuple(shape))


def _forwards(x: Tensor, parts: list[Any]) -> tuple[Tensor, list[int | Slice]]:
    """Steps back, as steps forward through a flipped axis; an array's axis is left whole."""
    basic: list[int | Slice] = []
    back = []
    for axis, part in enumerate(parts):
        if isinstance(part, (np.ndarray, Tensor)):
            basic.append(WHOLE)
        elif isinstance(part, int) or part[2] is None or part[2] > 0:
            basic.append(part)
        else:
            start, stop = (None if bound is None else ~bound for bound in part[:2])
            basic.append((start, stop, None if part[2] == -1 else -part[2]))
            back.append(axis)
    return (apply("flip", x, axis=tuple(back)) if back else x), basic


def _part(part: Any) -> Any:
    if part is None:
        return None
    if isinstance(part, slice):
        return tuple(
            None if bound is None else _integer(bound, part)
            for bound in (part.start, part.stop, part.step)
        )
    if isinstance(part, (list, tuple)):
        if not part:
            return (0, 0, None)
        if any(isinstance(place, Tensor) for place in part):
            raise DefinitionError("a list of tensors is no index: use ops.stack(list)")
        part = np.asarray(part)
    if not isinstance(part, Tensor) and np.shape(part) == ():
        return _integer(part, part)
    dtype = part.dtype if isinstance(part, Tensor) else part.dtype.kind
    if dtype in ("bool", "b"):
        raise DefinitionError(
            "a mask as an index picks a number of elements that is not known while tracing. Use "
            "ops.where(mask, x, 0.0) for a choice by element"
        )
    if dtype not in ("int", "i", "u"):
        raise DefinitionError(f"an index must be of integers, got {part!r}")
    return part


def _integer(given: Any, whole: Any) -> int:
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        return int(given)
    if isinstance(given, np.ndarray) and given.shape == () and given.dtype.kind in "iu":
        return int(given)
    raise DefinitionError(
        f"a tensor cannot be indexed with {whole!r}: ints, slices of ints, `...`, None and one list "
        "or tensor of ints can. For n places from a start that is no int use "
        "ops.take(x, start + ops.arange(n), axis)"
    )


def _require_one_array(parts: list[Any]) -> None:
    """NumPy moves the axes of index arrays in ways that no reader expects: one stays where it is."""
    arrays = [i for i, part in enumerate(parts) if isinstance(part, (np.ndarray, Tensor))]
    if len(arrays) > 1:
        raise DefinitionError(
            "two lists or tensors of indices at once: index one axis after the other, as in "
            "x[rows][:, columns], or pick element by element with ops.take_along_axis"
        )
    ints = [i for i, part in enumerate(parts) if isinstance(part, int)]
    together = sorted([*ints, *arrays])
    if ints and arrays and together[-1] - together[0] >= len(together):
        raise DefinitionError(
            "an int and a list or tensor of indices with other axes between them: index in two "
            "steps, as in x[0][:, places]"
        )


def _constant(places: np.ndarray[Any, Any], size: AnySize) -> Tensor:
    """An array of ints as a tensor: counted from the start, and in range."""
    if places.size and places.min() < 0 and not isinstance(size, int):
        raise ShapeError(f"index: {places.min()} from the end of an axis of {size} is not known")
    if isinstance(size, int):
        wrong = places[(places < -size) | (places >= size)]
        if wrong.size:
            raise ShapeError(f"index: {wrong[0]} is out of range for an axis of {size}")
        places = np.where(places < 0, places + size, places)
    values = tuple(int(place) for place in places.ravel())
    tensor = apply("constant", values=values, dtype="int")
    return tensor if places.ndim == 1 else apply("reshape", tensor, shape=places.shape)
