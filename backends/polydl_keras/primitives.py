"""How Keras writes each primitive, with keras.ops and Python's operators."""

from __future__ import annotations

from typing import Any

from polydl.emission.body import Body
from polydl.emission.code import MULTIPLY, Code, binary, tuple_text
from polydl.emission.operators import Writer, template
from polydl.program.sizes import Size, same_shape
from polydl.program.types import Constant, Node, Value
from polydl_keras.bodies import LayerBody

DTYPES = {"int": '"int32"', "bool": '"bool"'}


def dtype_text(body: Body, dtype: str) -> str:
    """A dtype argument. Floats follow a value in scope, so that floatx at run time has no say."""
    if dtype != "float":
        return DTYPES[dtype]
    for name, value in body.bound.items():
        if value.dtype == "float":
            return f"{name}.dtype"
    return "self.compute_dtype" if body.unit.is_module else "keras.config.floatx()"


def axes_text(axes: Any) -> str:
    if isinstance(axes, tuple):
        return str(axes[0]) if len(axes) == 1 else tuple_text([str(axis) for axis in axes])
    return str(axes)


def transposed(code: Code, axes: tuple[int, ...]) -> Code:
    if axes == tuple(range(len(axes)))[::-1]:
        return Code(f"ops.transpose({code.text})")
    return Code(f"ops.transpose({code.text}, {tuple_text([str(axis) for axis in axes])})")


def pad_text(x: str, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> str:
    shown = {0.0: "", float("-inf"): ', constant_values=float("-inf")'}
    fill = shown.get(value, f", constant_values={value!r}")
    return f"ops.pad({x}, {tuple_text([str(tuple(pair)) for pair in widths])}{fill})"


def same_padding(padding: tuple[tuple[int, int], ...], spans: tuple[int, ...]) -> bool:
    """Whether this is what "same" pads where strides are 1: the odd one after."""
    return all(
        low == (span - 1) // 2 and low + high == span - 1
        for (low, high), span in zip(padding, spans, strict=True)
    )


def one_or_all(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else str(tuple(values))


def _reduction(function: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        axis = node.attributes.get("axis")
        keepdims = ", keepdims=True" if node.attributes.get("keepdims") else ""
        rank = len(node.operands[0].shape)  # type: ignore[union-attr]
        every = axis is None or (isinstance(axis, tuple) and len(axis) == rank)
        axes = "" if every else f", axis={axes_text(axis)}"
        return Code(f"ops.{function}({args[0].text}{axes}{keepdims})")

    return write


def _reshape(body: Body, node: Node, args: list[Code]) -> Code:
    """-1 for one unknown size; others are read off what is in scope."""
    shape = node.attributes["shape"]
    unknown = [i for i, size in enumerate(shape) if isinstance(size, Size)]
    if len(unknown) > 1 and any(same_shape(v.shape, shape) for v in body.bound.values()):
        return Code(f"ops.reshape({args[0].text}, {body.sizes.shape(shape).text})")
    sizes = [
        "-1" if [i] == unknown[:1] else body.sizes.size(size, "features").text
        for i, size in enumerate(shape)
    ]
    return Code(f"ops.reshape({args[0].text}, {tuple_text(sizes) if sizes else '()'})")


def _index(body: Body, node: Node, args: list[Code]) -> Code:
    parts = []
    for part in node.attributes["index"]:
        if isinstance(part, int):
            parts.append(str(part))
        else:
            start, stop, step = ("" if bound is None else str(bound) for bound in part)
            parts.append(f"{start}:{stop}:{step}" if step else f"{start}:{stop}")
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    rank = len(node.operands[0].shape)  # type: ignore[union-attr]
    if len(parts) == rank > 2 and all(part == ":" for part in parts[:-1]):
        parts = ["...", parts[-1]]
    if len(parts) == 1 and ":" in parts[0] and not isinstance(body, LayerBody):
        parts.append("...")  # a symbolic tensor takes no slice alone
    return Code(f"{args[0].atom}[{', '.join(parts) or '...'}]")


def _pad(body: Body, node: Node, args: list[Code]) -> Code:
    value = node.attributes.get("value", 0.0)
    return Code(pad_text(args[0].text, node.attributes["widths"], value))


def _concatenate(body: Body, node: Node, args: list[Code]) -> Code:
    items = ", ".join(a.text for a in args)
    return Code(f"ops.concatenate([{items}], axis={node.attributes.get('axis', -1)})")


def _tensors(body: Body, node: Node, args: list[Code]) -> list[str]:
    """Operands as text, where one of two at least must be a tensor to bring the dtype."""
    texts = [a.text for a in args]
    if all(isinstance(x, Constant) for x in node.operands[-2:]):
        texts[-2] = f"ops.convert_to_tensor({texts[-2]}, {dtype_text(body, node.output.dtype)})"
    return texts


def _where(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"ops.where({', '.join(_tensors(body, node, args))})")


def _extremum(name: str) -> Writer:
    """TensorFlow gives all of the derivative at a tie to one side; half each needs a helper."""

    def write(body: Body, node: Node, args: list[Code]) -> Code:
        texts = ", ".join(_tensors(body, node, args))
        if node.output.dtype != "float":
            return Code(f"ops.{name}({texts})")
        body.emitter.use_support(name)
        return Code(f"{name}({texts})")

    return write


def _matmul(body: Body, node: Node, args: list[Code]) -> Code:
    """`@`, but keras.ops where the ranks differ: it multiplies a matrix once, not per sample."""
    a, b = (len(operand.shape) for operand in node.operands)  # type: ignore[union-attr]
    if a == b:
        return binary(args[0], "@", args[1], MULTIPLY)
    return Code(f"ops.matmul({args[0].text}, {args[1].text})")


def _astype(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"ops.cast({args[0].text}, {dtype_text(body, node.attributes['dtype'])})")


def _shift(body: Body, node: Node, args: list[Code]) -> Code:
    bits = node.attributes["bits"]
    mask = f"0x{(1 << (32 - bits)) - 1:X}"
    return Code(f"ops.bitwise_and(ops.right_shift({args[0].text}, {bits}), {mask})")


def _arange(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f'ops.arange({body.sizes.size(node.attributes["size"]).text}, dtype="int32")')


def _full(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text if node.attributes["shape"] else "()"
    value = node.attributes["value"]
    shown = str(value) if isinstance(value, bool) else body.literal(value, "value")
    return Code(f"ops.full({shape}, {shown}, dtype={dtype_text(body, node.output.dtype)})")


def _random_bits(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text if node.attributes["shape"] else "()"
    bounds = '-(2**31), 2**31 - 1, dtype="int32", seed=self.seed_generator'
    return Code(f"keras.random.randint({shape}, {bounds})")


def _broadcast_to(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(
        f"ops.broadcast_to({args[0].text}, {body.sizes.shape(node.attributes['shape']).text})"
    )


def _take(body: Body, node: Node, args: list[Code]) -> Code:
    last = body.sizes.size(node.operands[0].shape[0] - 1).text  # type: ignore[union-attr]
    return Code(f"ops.take({args[0].text}, ops.clip({args[1].text}, 0, {last}), axis=0)")


def _take_along_axis(body: Body, node: Node, args: list[Code]) -> Code:
    axis = node.attributes.get("axis", -1)
    last = body.sizes.size(node.operands[0].shape[axis] - 1).text  # type: ignore[union-attr]
    return Code(
        f"ops.take_along_axis({args[0].text}, ops.clip({args[1].text}, 0, {last}), axis={axis})"
    )


def _argmax(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"ops.argmax({args[0].text}, axis={node.attributes.get('axis', -1)})")


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
    "absolute": template("ops.abs({0})"),
    "exp": template("ops.exp({0})"),
    "log": template("ops.log({0})"),
    "sqrt": template("ops.sqrt({0})"),
    "rsqrt": template("ops.rsqrt({0})"),
    "tanh": template("ops.tanh({0})"),
    "erf": template("ops.erf({0})"),
    "stop_gradient": template("ops.stop_gradient({0})"),
    "maximum": _extremum("maximum"),
    "minimum": _extremum("minimum"),
    "equal": template("ops.equal({0}, {1})"),
    "not_equal": template("ops.not_equal({0}, {1})"),
    "bitwise_and": template("ops.bitwise_and({0}, {1})"),
    "bitwise_xor": template("ops.bitwise_xor({0}, {1})"),
    "shift_right_logical": _shift,
    "where": _where,
    "astype": _astype,
    "matmul": _matmul,
    "sum": _reduction("sum"),
    "mean": _reduction("mean"),
    "max": _reduction("max"),
    "min": _reduction("min"),
    "argmax": _argmax,
    "reshape": _reshape,
    "transpose": lambda body, node, args: transposed(args[0], node.attributes["axes"]),
    "broadcast_to": _broadcast_to,
    "concatenate": _concatenate,
    "index": _index,
    "pad": _pad,
    "take": _take,
    "take_along_axis": _take_along_axis,
    "arange": _arange,
    "full": _full,
    "random_bits": _random_bits,
    "conv": _conv,
    "window_max": _window("max_pool", float("-inf")),
    "window_sum": _window("average_pool", 0.0),
}
