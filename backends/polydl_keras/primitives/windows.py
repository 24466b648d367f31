"""Convolution and reductions over windows."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import MULTIPLY, Code, binary, one_or_all
from polydl.emission.operators import Writer
from polydl.errors import BackendError
from polydl.layers.geometry import spans
from polydl.program.types import Node, Value
from polydl_keras.primitives.common import (
    pad_text,
    same_padding,
    transposed_padding,
)


def _conv(body: Body, node: Node, args: list[Code]) -> Code:
    """Keras pads "same" or not at all, and takes no strides with dilation."""
    a, x = node.attributes, args[0].text
    kernel: Value = node.operands[1]  # type: ignore[assignment]
    window = kernel.shape[: len(a["strides"])]
    reach = spans(window, a["dilation"])  # type: ignore[arg-type]
    both = max(a["strides"]) > 1 and max(a["dilation"]) > 1
    none = not any(side for pair in a["padding"] for side in pair)
    same = not none and max(a["strides"]) == 1 and same_padding(a["padding"], reach)
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


def _conv_transpose(body: Body, node: Node, args: list[Code]) -> Code:
    """Keras has no groups here, and TensorFlow no dilation on a CPU."""
    a, x, kernel = node.attributes, args[0].text, args[1].text
    value: Value = node.operands[1]  # type: ignore[assignment]
    window = value.shape[: len(a["strides"])]
    reach = spans(window, a["dilation"])  # type: ignore[arg-type]
    if max(a["dilation"]) > 1:
        body.emitter.use_support("dilated")
        kernel = f"dilated({kernel}, {tuple(a['dilation'])})"
    more, cut = transposed_padding(a["padding"])
    options = "" if max(a["strides"]) == 1 else f", strides={one_or_all(a['strides'])}"
    options += ', padding="valid"'
    if any(more) or any(s > span for s, span in zip(a["strides"], reach, strict=True)):
        options += f", output_padding={one_or_all(more)}"
    if a["groups"] == 1:
        return Code(f"ops.conv_transpose({x}, {kernel}{options}){cut}")
    body.emitter.use_support("grouped_conv_transpose")
    return Code(f"grouped_conv_transpose({x}, {kernel}, {a['groups']}{options}){cut}")


def _pool_3d(body: Body, node: Node, function: str, x: str) -> Code:
    value: Value = node.operands[0]  # type: ignore[assignment]
    if not all(isinstance(size, int) for size in value.shape[1:]):
        raise BackendError(
            f"{body.block.path or body.block.class_name}: windows over three axes need their sizes "
            f"in Keras, got {value.shape}. Give dl.Input fixed sizes"
        )
    body.emitter.use_support("pool_3d")
    window, strides = tuple(node.attributes["window"]), tuple(node.attributes["strides"])
    return Code(f"pool_3d({function}, {x}, {window}, {strides})")


def _window(function: str, padding_value: float) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        a, x = node.attributes, args[0].text
        if any(side for pair in a["padding"] for side in pair):
            x = pad_text(x, ((0, 0), *a["padding"], (0, 0)), padding_value)
        callee = f"ops.{function}"
        if function == "max_pool":
            body.emitter.use_support("window_max")
            callee = "window_max"
        options = f'{one_or_all(a["window"])}, strides={one_or_all(a["strides"])}, padding="valid"'
        if len(a["window"]) == 3:
            pooled = _pool_3d(body, node, callee, x)
        else:
            pooled = Code(f"{callee}({x}, {options})")
        if function == "max_pool":
            return pooled
        count = 1
        for size in a["window"]:
            count *= size
        return binary(Code(body.literal(float(count), "count")), "*", pooled, MULTIPLY)

    return write


DILATED = '''def dilated(kernel, rates):
    """A kernel with zeros between its taps."""
    for axis, rate in enumerate(rates):
        taps, shape = kernel.shape[axis], kernel.shape
        widths = [(0, 0)] * (axis + 1) + [(0, rate - 1)] + [(0, 0)] * (len(shape) - axis - 1)
        kernel = ops.pad(ops.expand_dims(kernel, axis + 1), widths)
        kernel = ops.reshape(kernel, (*shape[:axis], taps * rate, *shape[axis + 1 :]))
        kernel = kernel[(slice(None),) * axis + (slice(0, (taps - 1) * rate + 1),)]
    return kernel'''


GROUPED_CONV_TRANSPOSE = '''def grouped_conv_transpose(x, kernel, groups, **options):
    """ops.conv_transpose of each group of channels."""
    parts = zip(ops.split(x, groups, axis=-1), ops.split(kernel, groups, axis=-1))
    return ops.concatenate([ops.conv_transpose(a, b, **options) for a, b in parts], axis=-1)'''


POOL_3D = '''def pool_3d(pool, x, window, strides):
    """Over height and width, then over depth: TensorFlow's own over three has no float64."""
    _, depth, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height, width, channels))
    x = pool(x, window[1:], strides=strides[1:], padding="valid")
    _, height, width, _ = x.shape
    x = ops.reshape(x, (-1, depth, height * width, channels))
    x = pool(x, (window[0], 1), strides=(strides[0], 1), padding="valid")
    return ops.reshape(x, (-1, x.shape[1], height, width, channels))'''


WINDOW_MAX = '''def window_max(x, window, strides, padding):
    """ops.max_pool, and NaN of a window that holds one."""
    nan = ops.cast(ops.isnan(x), x.dtype)
    nan = ops.max_pool(nan, window, strides, padding) > 0
    return ops.where(nan, float("nan"), ops.max_pool(x, window, strides, padding))'''


SUPPORT = {
    "window_max": WINDOW_MAX,
    "dilated": DILATED,
    "grouped_conv_transpose": GROUPED_CONV_TRANSPOSE,
    "pool_3d": POOL_3D,
}


PRIMITIVES: dict[str, Writer] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "window_max": _window("max_pool", float("-inf")),
    "window_sum": _window("average_pool", 0.0),
}
