"""What the tables of primitives have in common."""

from __future__ import annotations

import re
from typing import Any

from polydl.emission.body import Body
from polydl.emission.code import Code, literal_text, one_or_all, tuple_text
from polydl.precision import is_low
from polydl.program.types import walk

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


def pad_text(
    x: str, widths: tuple[tuple[int, int], ...], value: float = 0.0, mode: str = ""
) -> str:
    """F.pad counts from the last axis."""
    flat = [side for pair in reversed(widths) for side in pair]
    while len(flat) > 2 and flat[-2:] == [0, 0]:
        flat = flat[:-2]
    fill = "" if value == 0.0 else f", value={literal_text(value)}"
    fill += f', mode="{mode}"' if mode else ""
    return f"F.pad({x}, {tuple_text([str(v) for v in flat])}{fill})"


def mean_types(dtype: str, rank: int) -> tuple[str, str]:
    """What makes the input of F.avg_pool float32, and its result `dtype` again, where it must.

    On a CPU torch averages over three axes in no half-size type.
    """
    return (".float()", f".to(torch.{dtype})") if rank == 3 and is_low(dtype) else ("", "")


def changed(**options: tuple[tuple[int, ...], int]) -> str:
    """Arguments that are not torch's default."""
    return "".join(
        f", {name}={one_or_all(values)}"
        for name, (values, default) in options.items()
        if any(v != default for v in values)
    )


def transposed_padding(
    padding: tuple[tuple[int, int], ...], strides: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    """padding and output_padding of a transposed convolution, and a slice of what it then keeps.

    torch leaves out as much before as after, and then adds output_padding after, below the stride.
    """
    both, more, kept = [], [], []
    for (low, high), stride in zip(padding, strides, strict=True):
        least = low if low - high < stride else max(high, 0)
        both.append(least)
        more.append(max(least - high, 0))
        start, end = low - least, max(high - least, 0)
        kept.append(f"{start or ''}:{-end or ''}")
    cut = f"[..., {', '.join(kept)}]" if any(part != ":" for part in kept) else ""
    return tuple(both), tuple(more), cut


def parameter_of(body: Body) -> str:
    """A parameter of the module itself, whose dtype `module.double()` changes; "" without one."""
    entries = body.emitter.program.entries
    for node in walk(body.block.nodes):
        if node.op == "read" and entries[node.attributes["entry"]].role == "parameter":
            text = body.emitter.read(body.unit, node.attributes["entry"]).text
            if re.fullmatch(r"self\.\w+", text):
                return text
    return ""


def device_of(body: Body) -> str:
    """Where new arrays belong: with the first argument."""
    return f", device={body.arguments[0]}.device" if body.arguments else ""
