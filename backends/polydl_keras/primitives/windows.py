"""Convolution and reductions over windows."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import MULTIPLY, Code, binary
from polydl.emission.operators import Writer
from polydl.program.types import Node, Value
from polydl_keras.primitives.common import (
    one_or_all,
    pad_text,
    same_padding,
)


def _conv(body: Body, node: Node, args: list[Code]) -> Code:
    """Keras pads "same" or not at all, and takes no strides with dilation."""
    a, x = node.attributes, args[0].text
    kernel: Value = node.operands[1]  # type: ignore[assignment]
    window = kernel.shape[: len(a["strides"])]
    spans = tuple((int(k) - 1) * d + 1 for k, d in zip(window, a["dilation"], strict=True))
    both = max(a["strides"]) > 1 and max(a["dilation"]) > 1
    none = not any(side for pair in a["padding"] for side in pair)
    same = not none and max(a["strides"]) == 1 and same_padding(a["padding"], spans)
    if not none and not same:
        x = pad_text(x, ((0, 0), *a["padding"], (0, 0)))
    options = "" if both or max(a["strides"]) == 1 else f", strides={one_or_all(a['strides'])}"
    options += f', padding="{"same" if same else "valid"}"'
    if max(a["dilation"]) > 1:
        options += f", dilation_rate={one_or_all(a['dilation'])}"
    text = f"ops.conv({x}, {args[1].text}{options})"
    if both:
        text += f"[:, {', '.join('::' + str(s) if s > 1 else ':' for s in a['strides'])}]"
    return Code(text)


def _window(function: str, padding_value: float) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        a, x = node.attributes, args[0].text
        if any(side for pair in a["padding"] for side in pair):
            x = pad_text(x, ((0, 0), *a["padding"], (0, 0)), padding_value)
        options = f'{one_or_all(a["window"])}, strides={one_or_all(a["strides"])}, padding="valid"'
        pooled = Code(f"ops.{function}({x}, {options})")
        if function == "max_pool":
            return pooled
        count = 1
        for size in a["window"]:
            count *= size
        return binary(Code(body.literal(float(count), "count")), "*", pooled, MULTIPLY)

    return write


PRIMITIVES: dict[str, Writer] = {
    "conv": _conv,
    "window_max": _window("max_pool", float("-inf")),
    "window_sum": _window("average_pool", 0.0),
}
