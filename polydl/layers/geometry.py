"""Windows, strides and padding of convolutions and pools, over any number of spatial axes."""

from __future__ import annotations

from typing import Any

from polydl.errors import DefinitionError, ShapeError, nearest
from polydl.program.sizes import AnySize

Pair = tuple[int, int]
Ints = int | tuple[int, ...]
Padding = str | int | tuple[Any, ...]

_NUMBERS = {1: "one", 2: "two", 3: "three"}


def per_axis(layer: str, name: str, value: Ints, rank: int, least: int = 1) -> tuple[int, ...]:
    """An int for all spatial axes, or one for each."""
    each = (value,) * rank if isinstance(value, int) else value
    if not isinstance(each, (tuple, list)) or len(each) != rank or not _whole(each, least):
        kind = "a positive int" if least == 1 else "an int of 0 or more"
        more = f" or {_NUMBERS[rank]}" if rank > 1 else ""
        raise DefinitionError(f"{layer}: {name} must be {kind}{more}, got {value!r}")
    return tuple(each)


def _whole(values: Any, least: int) -> bool:
    return all(isinstance(v, int) and not isinstance(v, bool) and v >= least for v in values)


def check_padding(layer: str, padding: Padding, rank: int, named: tuple[str, ...]) -> None:
    """named: the words that this layer knows."""
    if isinstance(padding, str) and padding in named:
        return
    if padding == "causal":
        raise DefinitionError(
            f"{layer}: padding 'causal' is for Conv1D, whose axis is time. Give (before, after) for "
            "each axis"
        )
    explicit_padding(layer, padding, rank, named)


def explicit_padding(
    layer: str, padding: Padding, rank: int, named: tuple[str, ...] = ("same", "valid")
) -> tuple[Pair, ...]:
    """Padding given as an int, or for each axis an int or (before, after)."""
    sides: Any = (padding,) * rank if isinstance(padding, int) else padding
    if rank == 1 and isinstance(sides, (tuple, list)) and len(sides) == 2:
        sides = (sides,)
    if isinstance(sides, (tuple, list)) and len(sides) == rank:
        pairs = [(s, s) if isinstance(s, int) else s for s in sides]
        if all(isinstance(p, (tuple, list)) and len(p) == 2 and _whole(p, 0) for p in pairs):
            return tuple((before, after) for before, after in pairs)
    words = ", ".join(map(repr, named))
    each = "(before, after)" if rank == 1 else f"{_NUMBERS[rank]} (before, after)"
    hint = nearest(padding.lower(), list(named)) if isinstance(padding, str) else ""
    hint = f". {hint}" if hint.startswith("Did") else ""
    raise DefinitionError(
        f"{layer}: padding must be {words}, an int of 0 or more, or {each}; got {padding!r}{hint}"
    )


def spans(window: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """How far a window reaches on each axis."""
    return tuple((w - 1) * d + 1 for w, d in zip(window, dilation, strict=True))


def resolve_padding(
    layer: str,
    padding: Padding,
    sizes: tuple[AnySize, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...] | None = None,
) -> tuple[Pair, ...]:
    """(before, after) for each axis. "same" gives ceil(size / stride) outputs, the odd one after."""
    reach = spans(window, dilation or (1,) * len(window))
    if padding == "valid":
        return ((0, 0),) * len(window)
    if padding == "causal":
        return tuple((span - 1, 0) for span in reach)
    if padding == "same":
        return tuple(_same(layer, *axis) for axis in zip(sizes, reach, strides, strict=True))
    return explicit_padding(layer, padding, len(window))


def _same(layer: str, size: AnySize, span: int, stride: int) -> Pair:
    if stride == 1:
        total = span - 1
    elif isinstance(size, int):
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
    else:
        raise ShapeError(
            f"{layer}: 'same' with stride {stride} depends on the size {size}, known only at run "
            "time. Give dl.Input a fixed size, or give padding as numbers"
        )
    return (total // 2, total - total // 2)


def resolve_transposed_padding(
    layer: str,
    padding: Padding,
    output_padding: tuple[int, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[Pair, ...]:
    """What a transposed convolution leaves out before and after; below 0, zeros that it adds.

    "same" gives size * stride outputs, as the convolution with "same" would need for its input.
    """
    if padding == "same":
        reach = spans(window, dilation)
        totals = [span - stride for span, stride in zip(reach, strides, strict=True)]
        return tuple((max(t, 0) // 2, t - max(t, 0) // 2) for t in totals)
    pairs: tuple[Pair, ...] = ((0, 0),) * len(window)
    if padding != "valid":
        pairs = explicit_padding(layer, padding, len(window))
    return tuple(
        (before, after - more) for (before, after), more in zip(pairs, output_padding, strict=True)
    )
