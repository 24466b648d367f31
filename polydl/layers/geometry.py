"""Windows, strides and padding of convolutions and pools."""

from __future__ import annotations

from typing import Any

from polydl.errors import DefinitionError, ShapeError
from polydl.program.sizes import AnySize

Pair = tuple[int, int]
Padding = str | int | tuple[Any, ...]


def pair(layer: str, name: str, value: int | tuple[int, int]) -> Pair:
    """An int for both axes, or one for each."""
    both = (value, value) if isinstance(value, int) else tuple(value)
    if len(both) != 2 or any(isinstance(v, bool) or not isinstance(v, int) or v < 1 for v in both):
        raise DefinitionError(f"{layer}: {name} must be a positive int or two, got {value!r}")
    return (both[0], both[1])


def check_padding(layer: str, padding: Padding) -> None:
    if padding not in ("same", "valid"):
        explicit_padding(layer, padding)


def explicit_padding(layer: str, padding: Padding) -> tuple[Pair, Pair]:
    """Padding given as an int, two ints, or two (before, after)."""
    sides = (padding, padding) if isinstance(padding, int) else padding
    if isinstance(sides, (tuple, list)) and len(sides) == 2:
        pairs = tuple((s, s) if isinstance(s, int) else tuple(s) for s in sides)
        if all(len(p) == 2 and all(isinstance(v, int) and v >= 0 for v in p) for p in pairs):
            return ((pairs[0][0], pairs[0][1]), (pairs[1][0], pairs[1][1]))
    raise DefinitionError(
        f"{layer}: padding must be 'same', 'valid', an int, or two (before, after); got {padding!r}"
    )


def resolve_padding(
    layer: str,
    padding: Padding,
    sizes: tuple[AnySize, ...],
    window: Pair,
    strides: Pair,
    dilation: Pair = (1, 1),
) -> tuple[Pair, ...]:
    """(before, after) for each axis. "same" gives ceil(size / stride) outputs, the odd one after."""
    if padding == "valid":
        return ((0, 0), (0, 0))
    if padding != "same":
        return explicit_padding(layer, padding)
    return tuple(
        _same(layer, size, (w - 1) * d + 1, s)
        for size, w, s, d in zip(sizes, window, strides, dilation, strict=True)
    )


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
