"""How JAX writes each primitive.

Integers are int32 throughout. Under 64-bit mode jnp would widen them in sums, argmax and arange, so
those say their dtype. Python numbers are weakly typed in JAX and follow the arrays they meet.
"""

from __future__ import annotations

from typing import Any

from polydl.emission.body import Body
from polydl.emission.code import BIT_AND, SHIFT, Code, tuple_text
from polydl.emission.operators import Writer, bitwise, template
from polydl.errors import BackendError
from polydl.program.types import Constant, Node

# per number of spatial axes: dimension numbers of a channels-last convolution
_LAYOUTS = {
    1: ("NWC", "WIO", "NWC"),
    2: ("NHWC", "HWIO", "NHWC"),
    3: ("NDHWC", "DHWIO", "NDHWC"),
}


def dtype_text(dtype: str, floating: str) -> str:
    """jnp's name of one of our dtypes; `floating` is what "float" stands for."""
    return {"float": f"jnp.{floating}", "int": "jnp.int32", "bool": "jnp.bool_"}[dtype]


def _dtype(body: Body, dtype: str) -> str:
    return dtype_text(dtype, body.emitter.dtype)


def transposed(code: Code, axes: tuple[int, ...]) -> Code:
    if axes == (1, 0):
        return Code(f"{code.atom}.T")
    return Code(f"{code.atom}.transpose({', '.join(map(str, axes))})")


def _reduction(method: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        axis = node.attributes.get("axis")
        keepdims = node.attributes.get("keepdims")
        rank = len(node.operands[0].shape)  # type: ignore[union-attr]
        options = []
        if isinstance(axis, tuple):
            axis = axis[0] if len(axis) == 1 else None if len(axis) == rank else axis
        if axis is not None and (rank > 1 or keepdims):
            options.append(f"axis={axis}")
        if keepdims:
            options.append("keepdims=True")
        if method == "sum" and node.output.dtype == "int":
            options.append("dtype=jnp.int32")
        return Code(f"{args[0].atom}.{method}({', '.join(options)})")

    return write


def _argmax(body: Body, node: Node, args: list[Code]) -> Code:
    axis = node.attributes.get("axis", -1)
    return Code(f"{args[0].atom}.argmax(axis={axis}).astype(jnp.int32)")


def _absolute(body: Body, node: Node, args: list[Code]) -> Code:
    """jnp.abs has the derivative 1 at 0, where ours is 0; integers have none."""
    if node.output.dtype == "int":
        return Code(f"jnp.abs({args[0].text})")
    body.emitter.use_support("absolute")
    return Code(f"absolute({args[0].text})")


def _reshape(body: Body, node: Node, args: list[Code]) -> Code:
    sizes = body.sizes.reshape_sizes(node.attributes["shape"])
    return Code(f"{args[0].atom}.reshape({', '.join(sizes) or '()'})")


def _broadcast_to(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text
    return Code(f"jnp.broadcast_to({args[0].text}, {shape})")


def _concatenate(body: Body, node: Node, args: list[Code]) -> Code:
    items = ", ".join(a.text for a in args)
    return Code(f"jnp.concatenate([{items}], axis={node.attributes.get('axis', -1)})")


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
    return ", ".join(parts) or "..."


def _pad(body: Body, node: Node, args: list[Code]) -> Code:
    value = node.attributes.get("value", 0.0)
    kind = {"float": float, "int": int, "bool": bool}[node.output.dtype]
    fill = f", constant_values={_number(kind(value))}" if value else ""
    return Code(f"jnp.pad({args[0].text}, {node.attributes['widths']}{fill})")


def _number(value: float) -> str:
    """A literal; infinities have none in Python."""
    if value in (float("inf"), float("-inf")):
        return "jnp.inf" if value > 0 else "-jnp.inf"
    return repr(value)


def _where(body: Body, node: Node, args: list[Code]) -> Code:
    texts = [a.text for a in args]
    if all(isinstance(x, Constant) for x in node.operands[1:]):
        texts[1] = f"{_dtype(body, node.output.dtype)}({texts[1]})"
    return Code(f"jnp.where({', '.join(texts)})")


def _astype(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"{args[0].atom}.astype({_dtype(body, node.attributes['dtype'])})")


def _shift(body: Body, node: Node, args: list[Code]) -> Code:
    """An arithmetic shift with the copies of the sign masked off."""
    bits = node.attributes["bits"]
    shifted = bitwise(args[0], ">>", Code(str(bits)), SHIFT)
    return bitwise(shifted, "&", Code(f"0x{(1 << (32 - bits)) - 1:X}"), BIT_AND)


def _arange(body: Body, node: Node, args: list[Code]) -> Code:
    size = body.sizes.size(node.attributes["size"]).text
    return Code(f"jnp.arange({size}, dtype=jnp.int32)")


def _full(body: Body, node: Node, args: list[Code]) -> Code:
    shape = body.sizes.shape(node.attributes["shape"]).text
    value = body.literal(node.attributes["value"], "value")
    return Code(f"jnp.full({shape}, {value}, {_dtype(body, node.output.dtype)})")


def _random_bits(body: Body, node: Node, args: list[Code]) -> Code:
    """From the module's own stream, `self.rngs`; see FlaxEmitter.mode_lines."""
    if not body.unit.is_module:
        name = body.block.class_name
        raise BackendError(f"{name} draws random numbers: on Flax only a Module can")
    shape = body.sizes.shape(node.attributes["shape"]).text
    return Code(f"self.rngs.bits({shape}, jnp.uint32).view(jnp.int32)")


def _conv(body: Body, node: Node, args: list[Code]) -> Code:
    a = node.attributes
    options = f"window_strides={tuple_text(list(map(str, a['strides'])))}, "
    options += f"padding={tuple_text(list(map(str, a['padding'])))}, "
    if any(d != 1 for d in a["dilation"]):
        options += f"rhs_dilation={tuple_text(list(map(str, a['dilation'])))}, "
    names = tuple_text([f'"{name}"' for name in _LAYOUTS[len(a["strides"])]])
    options += f"dimension_numbers={names}"
    if a.get("groups", 1) != 1:
        options += f", feature_group_count={a['groups']}"
    return Code(f"jax.lax.conv_general_dilated({args[0].text}, {args[1].text}, {options})")


def _window(initial: str, combine: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        a = node.attributes
        window, strides = (1, *a["window"], 1), (1, *a["strides"], 1)
        padding = '"VALID"'
        if any(side for sides in a["padding"] for side in sides):
            padding = str(((0, 0), *map(tuple, a["padding"]), (0, 0)))
        return Code(
            f"jax.lax.reduce_window({args[0].text}, {initial}, {combine}, "
            f"{window}, {strides}, {padding})"
        )

    return write


PRIMITIVES: dict[str, Writer] = {
    "absolute": _absolute,
    "exp": template("jnp.exp({0})"),
    "log": template("jnp.log({0})"),
    "sqrt": template("jnp.sqrt({0})"),
    "rsqrt": template("jax.lax.rsqrt({0})"),
    "tanh": template("jnp.tanh({0})"),
    "erf": template("jax.lax.erf({0})"),
    "stop_gradient": template("jax.lax.stop_gradient({0})"),
    "maximum": template("jnp.maximum({0}, {1})"),
    "minimum": template("jnp.minimum({0}, {1})"),
    "shift_right_logical": _shift,
    "where": _where,
    "astype": _astype,
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
    "take": template('jnp.take({0}, {1}, axis=0, mode="clip")'),
    "take_along_axis": lambda body, node, args: Code(
        f"jnp.take_along_axis({args[0].text}, {args[1].text}, "
        f'axis={node.attributes.get("axis", -1)}, mode="clip")'
    ),
    "arange": _arange,
    "full": _full,
    "random_bits": _random_bits,
    "conv": _conv,
    "window_max": _window("-jnp.inf", "jax.lax.max"),
    "window_sum": _window("0.0", "jax.lax.add"),
}
