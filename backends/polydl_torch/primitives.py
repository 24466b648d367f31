"""How PyTorch writes each primitive."""

from __future__ import annotations

from typing import Any

from polydl.emission.body import Body
from polydl.emission.code import BIT_AND, SHIFT, Code, literal_text, tuple_text
from polydl.emission.operators import Writer, bitwise, template
from polydl.program.types import Constant, Node

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


def _reduction(method: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        axis = node.attributes.get("axis")
        if axis == ():  # torch would reduce all of them
            return args[0]
        keepdims = ", keepdim=True" if node.attributes.get("keepdims") else ""
        rank = len(node.operands[0].shape)  # type: ignore[union-attr]
        every = axis is None or (isinstance(axis, tuple) and len(axis) == rank)
        if every and not keepdims:
            return Code(f"{args[0].atom}.{method}()")
        dims = axes_text(tuple(range(rank)) if axis is None else axis)
        dtype = ", dtype=torch.int32" if method == "sum" and node.output.dtype == "int" else ""
        return Code(f"{args[0].atom}.{method}({dims}{keepdims}{dtype})")

    return write


def _reshape(body: Body, node: Node, args: list[Code]) -> Code:
    sizes = body.sizes.reshape_sizes(node.attributes["shape"])
    return Code(f"{args[0].atom}.reshape({', '.join(sizes)})")


def _index(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"{args[0].atom}[{index_text(node.attributes['index'])}]")


def index_text(index: tuple[Any, ...]) -> str:
    """NumPy's basic indexing, from ints and (start, stop, step)."""
    parts = []
    for part in index:
        if isinstance(part, int):
            parts.append(str(part))
        else:
            start, stop, step = ("" if bound is None else str(bound) for bound in part)
            parts.append(f"{start}:{stop}:{step}" if step else f"{start}:{stop}")
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    if len(parts) > 2 and all(part == ":" for part in parts[:-1]):
        return f"..., {parts[-1]}"
    return ", ".join(parts)


def _pad(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(
        pad_text(args[0].text, node.attributes["widths"], node.attributes.get("value", 0.0))
    )


def pad_text(x: str, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> str:
    """F.pad counts from the last axis."""
    flat = [side for pair in reversed(widths) for side in pair]
    while len(flat) > 2 and flat[-2:] == [0, 0]:
        flat = flat[:-2]
    fill = "" if value == 0.0 else f", value={literal_text(value)}"
    return f"F.pad({x}, {tuple_text([str(v) for v in flat])}{fill})"


def _concatenate(body: Body, node: Node, args: list[Code]) -> Code:
    items = ", ".join(a.text for a in args)
    return Code(f"torch.cat([{items}], dim={node.attributes.get('axis', -1)})")


def _where(body: Body, node: Node, args: list[Code]) -> Code:
    if all(isinstance(x, Constant) for x in node.operands[1:]):
        value = f"torch.tensor({args[1].text}, dtype={DTYPES[node.output.dtype]})"
        return Code(f"torch.where({args[0].text}, {value}, {args[2].text})")
    return Code(f"torch.where({', '.join(a.text for a in args)})")


def _extremum(name: str) -> Writer:
    """torch.maximum takes tensors only; its clamp has another derivative at a tie."""

    def write(body: Body, node: Node, args: list[Code]) -> Code:
        texts = [
            f"torch.tensor({a.text}, dtype={DTYPES[node.output.dtype]})"
            if isinstance(x, Constant)
            else a.text
            for x, a in zip(node.operands, args, strict=True)
        ]
        return Code(f"torch.{name}({', '.join(texts)})")

    return write


def _astype(body: Body, node: Node, args: list[Code]) -> Code:
    if node.attributes["dtype"] == "float":
        return Code(f"{args[0].atom}.to(torch.get_default_dtype())")
    return Code(f"{args[0].atom}.to({DTYPES[node.attributes['dtype']]})")


def _shift(body: Body, node: Node, args: list[Code]) -> Code:
    bits = node.attributes["bits"]
    shifted = bitwise(args[0], ">>", Code(str(bits)), SHIFT)
    return bitwise(shifted, "&", Code(f"0x{(1 << (32 - bits)) - 1:X}"), BIT_AND)


def _device_of(body: Body) -> str:
    """Where new arrays belong: with the first argument."""
    return f", device={body.arguments[0]}.device" if body.arguments else ""


def _arange(body: Body, node: Node, args: list[Code]) -> Code:
    size = body.sizes.size(node.attributes["size"]).text
    return Code(f"torch.arange({size}, dtype=torch.int32{_device_of(body)})")


def _full(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text
    dtype, value = node.output.dtype, node.attributes["value"]
    value = body.literal(float(value) if dtype == "float" else value, "value")
    named = "" if dtype == "float" else f", dtype={DTYPES[dtype]}"
    return Code(f"torch.full({shape}, {value}{named}{_device_of(body)})")


def _random_bits(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text
    return Code(f"torch.randint(-(2**31), 2**31, {shape}, dtype=torch.int32{_device_of(body)})")


def _broadcast_to(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"{args[0].atom}.expand({body.sizes.shape(node.attributes['shape']).text})")


def _take(body: Body, node: Node, args: list[Code]) -> Code:
    last = node.operands[0].shape[0] - 1  # type: ignore[union-attr]
    return Code(f"{args[0].atom}[{args[1].atom}.clamp(0, {body.sizes.size(last).text})]")


def _take_along_axis(body: Body, node: Node, args: list[Code]) -> Code:
    axis = node.attributes.get("axis", -1)
    return Code(f"torch.take_along_dim({args[0].text}, {args[1].atom}.long(), {axis})")


def _argmax(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"{args[0].atom}.argmax({node.attributes.get('axis', -1)}).int()")


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
    "absolute": template("{0!a}.abs()"),
    "exp": template("torch.exp({0})"),
    "log": template("torch.log({0})"),
    "sqrt": template("torch.sqrt({0})"),
    "rsqrt": template("torch.rsqrt({0})"),
    "tanh": template("torch.tanh({0})"),
    "erf": template("torch.erf({0})"),
    "stop_gradient": template("{0!a}.detach()"),
    "maximum": _extremum("maximum"),
    "minimum": _extremum("minimum"),
    "shift_right_logical": _shift,
    "where": _where,
    "astype": _astype,
    "sum": _reduction("sum"),
    "mean": _reduction("mean"),
    "max": _reduction("amax"),
    "min": _reduction("amin"),
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
    "window_max": _window("max"),
    "window_sum": _window("avg"),
}
