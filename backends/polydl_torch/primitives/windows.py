"""Convolution and reductions over windows."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import MULTIPLY, Code, binary, one_or_all
from polydl.emission.operators import Writer
from polydl.program.types import Node, Value
from polydl_torch.layout import to_first, to_last
from polydl_torch.primitives.common import (
    changed,
    mean_types,
    pad_text,
    transposed,
    transposed_padding,
)


def _turned(x: Code, rank: int) -> str:
    """The channels-first view of channels-last x with `rank` spatial axes."""
    return transposed(x, to_first(rank + 2)).text


def _back(text: str, rank: int) -> Code:
    return transposed(Code(text), to_last(rank + 2))


def _kernel(node: Node, kernel: Code, rank: int) -> str:
    """A kernel's view as torch keeps it. One of a single row torch takes for contiguous, and fails in
    the derivative."""
    text = transposed(kernel, (rank + 1, rank, *range(rank))).text
    operand = node.operands[1]
    one = isinstance(operand, Value) and operand.shape[-1] == 1
    return f"{text}.contiguous()" if one else text


def _groups(count: int) -> str:
    return "" if count == 1 else f", groups={count}"


def _conv(body: Body, node: Node, args: list[Code]) -> Code:
    """torch convolves channels-first and pads evenly; an odd padding goes first."""
    a = node.attributes
    rank = len(a["strides"])
    x = _turned(args[0], rank)
    even = all(low == high for low, high in a["padding"])
    if not even:
        x = pad_text(x, ((0, 0), (0, 0), *a["padding"]))
    options = changed(
        stride=(a["strides"], 1),
        padding=(tuple(low for low, _ in a["padding"]) if even else (0,) * rank, 0),
        dilation=(a["dilation"], 1),
    )
    options += _groups(a.get("groups", 1))
    return _back(f"F.conv{rank}d({x}, {_kernel(node, args[1], rank)}{options})", rank)


def _conv_transpose(body: Body, node: Node, args: list[Code]) -> Code:
    a = node.attributes
    rank = len(a["strides"])
    padding, more, cut = transposed_padding(a["padding"], a["strides"])
    options = changed(stride=(a["strides"], 1), padding=(padding, 0), output_padding=(more, 0))
    options += _groups(a.get("groups", 1)) + changed(dilation=(a["dilation"], 1))
    x, kernel = _turned(args[0], rank), _kernel(node, args[1], rank)
    return _back(f"F.conv_transpose{rank}d({x}, {kernel}{options}){cut}", rank)


def _window(kind: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        a = node.attributes
        rank = len(a["window"])
        x = _turned(args[0], rank)
        if any(side for pair in a["padding"] for side in pair):
            lowest = float("-inf") if kind == "max" else 0.0
            x = pad_text(x, ((0, 0), (0, 0), *a["padding"]), lowest)
        stride = "" if a["strides"] == a["window"] else f", {one_or_all(a['strides'])}"
        wide, back = mean_types(body.emitter.dtype, rank) if kind == "avg" else ("", "")
        text = f"F.{kind}_pool{rank}d({x}{wide}, {one_or_all(a['window'])}{stride}"
        if kind == "max":
            return _back(f"{text})", rank)
        if rank > 1:
            return _back(f"{text}, divisor_override=1){back}", rank)
        (count,) = a["window"]  # avg_pool1d has no divisor_override
        return binary(
            _back(f"{text})", rank), "*", Code(body.literal(float(count), "count")), MULTIPLY
        )

    return write


PRIMITIVES: dict[str, Writer] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "window_max": _window("max"),
    "window_sum": _window("avg"),
}
