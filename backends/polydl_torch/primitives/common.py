"""What the tables of primitives have in common."""

from __future__ import annotations

from typing import Any

from polydl.emission.body import Body
from polydl.emission.code import Code, literal_text, tuple_text

DTYPES = {"float": "torch.get_default_dtype()", "int": "torch.int32", "bool": "torch.bool"}


def axes_text(axes: Any) -> str:
    """A torch `dim` argument."""
    if isinstance(axes, tuple):
        return str(axes[0]) if len(axes) == 1 else tuple_text([str(a) for a in axes])
    return str(axes)


def transposed(code: Code, axes: tuple[int, ...]) -> Code:
    if axes == (1, 0):
        return Code(f"{code.atom}.T")
    return Code(f"{code.atom}.permute({', '.join(map(str, axes))})")


def pad_text(x: str, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> str:
    """F.pad counts from the last axis."""
    flat = [side for pair in reversed(widths) for side in pair]
    while len(flat) > 2 and flat[-2:] == [0, 0]:
        flat = flat[:-2]
    fill = "" if value == 0.0 else f", value={literal_text(value)}"
    return f"F.pad({x}, {tuple_text([str(v) for v in flat])}{fill})"


def device_of(body: Body) -> str:
    """Where new arrays belong: with the first argument."""
    return f", device={body.arguments[0]}.device" if body.arguments else ""
