"""Convolution and reductions over windows."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code, tuple_text
from polydl.emission.operators import Writer
from polydl.program.types import Node
from polydl_torch.primitives.common import pad_text, transposed


def _conv(body: Body, node: Node, args: list[Code]) -> Code:
    """torch convolves channels-first and pads evenly; an odd padding goes first."""
    a = node.attributes
    rank = len(a["strides"])
    x = f"{args[0].atom}.permute(0, {rank + 1}, {', '.join(str(i) for i in range(1, rank + 1))})"
    kernel = transposed(args[1], (rank + 1, rank, *range(rank)))
    even = all(low == high for low, high in a["padding"])
    if not even:
        x = pad_text(x, ((0, 0), (0, 0), *a["padding"]))
    options = _changed(
        stride=(a["strides"], 1),
        padding=(tuple(low for low, _ in a["padding"]) if even else (0,) * rank, 0),
        dilation=(a["dilation"], 1),
    )
    if a.get("groups", 1) != 1:
        options += f", groups={a['groups']}"
    back = f"0, {', '.join(str(i) for i in range(2, rank + 2))}, 1"
    return Code(f"F.conv{rank}d({x}, {kernel.text}{options}).permute({back})")


def _changed(**options: tuple[tuple[int, ...], int]) -> str:
    """Arguments that are not torch's default."""
    text = ""
    for name, (values, default) in options.items():
        if any(v != default for v in values):
            text += f", {name}={values[0] if len(set(values)) == 1 else values}"
    return text


def _window(kind: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        a = node.attributes
        rank = len(a["window"])
        x = f"{args[0].atom}.permute(0, {rank + 1}, {', '.join(str(i) for i in range(1, rank + 1))})"
        if any(side for pair in a["padding"] for side in pair):
            lowest = float("-inf") if kind == "max" else 0.0
            flat = [side for pair in reversed(a["padding"]) for side in pair]
            fill = ', value=float("-inf")' if lowest else ""
            x = f"F.pad({x}, {tuple_text([str(v) for v in flat])}{fill})"
        stride = "" if a["strides"] == a["window"] else f", {a['strides']}"
        divisor = ", divisor_override=1" if kind == "avg" else ""
        back = f"0, {', '.join(str(i) for i in range(2, rank + 2))}, 1"
        return Code(f"F.{kind}_pool{rank}d({x}, {a['window']}{stride}{divisor}).permute({back})")

    return write


PRIMITIVES: dict[str, Writer] = {
    "conv": _conv,
    "window_max": _window("max"),
    "window_sum": _window("avg"),
}
