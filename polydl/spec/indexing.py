"""NumPy-style basic indexing of a symbolic tensor, as `index` and `reshape`."""

from __future__ import annotations

from typing import Any

from polydl.errors import DefinitionError, ShapeError
from polydl.spec.apply import apply
from polydl.spec.tensor import Tensor


def basic_index(x: Tensor, index: Any) -> Tensor:
    """x[index] for ints, slices of ints, `...` and None (a new axis)."""
    given = index if isinstance(index, tuple) else (index,)
    dots = [i for i, part in enumerate(given) if part is Ellipsis]
    if len(dots) > 1:
        raise ShapeError("an index can hold `...` only once")
    taken = sum(part is not None and part is not Ellipsis for part in given)
    if taken > x.ndim:
        raise ShapeError(f"{taken} indices for {x!r}")
    at = dots[0] if dots else len(given)
    filled = (*given[:at], *([slice(None)] * (x.ndim - taken)), *given[at + 1 :])

    parts = tuple(_part(part) for part in filled if part is not None)
    picked = x if all(p == (None, None, None) for p in parts) else apply("index", x, index=parts)
    if None not in filled:
        return picked
    sizes = iter(picked.shape)
    shape = tuple(
        1 if part is None else next(sizes) for part in filled if not isinstance(part, int)
    )
    return apply("reshape", picked, shape=shape)


def _part(part: Any) -> Any:
    if isinstance(part, slice):
        bounds = (part.start, part.stop, part.step)
        if all(b is None or (isinstance(b, int) and not isinstance(b, bool)) for b in bounds):
            return bounds
    elif isinstance(part, int) and not isinstance(part, bool):
        return part
    raise DefinitionError(
        f"a tensor cannot be indexed with {part!r}: ints, slices of ints, `...` and None can; "
        "use dl.take or dl.take_along_axis for indices that are tensors"
    )
