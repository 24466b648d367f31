"""Convolution and reductions over windows."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code, tuple_text
from polydl.emission.operators import Writer
from polydl.layers.geometry import spans
from polydl.program.types import Node, Value
from polydl_flax.primitives.common import in_low, transposed_padding

# per number of spatial axes: dimension numbers of a channels-last convolution
_LAYOUTS = {
    1: ("NWC", "WIO", "NWC"),
    2: ("NHWC", "HWIO", "NHWC"),
    3: ("NDHWC", "DHWIO", "NDHWC"),
}


def _conv(body: Body, node: Node, args: list[Code]) -> Code:
    a, args = node.attributes, in_low(body, args)
    options = f"window_strides={tuple_text(list(map(str, a['strides'])))}, "
    options += f"padding={tuple_text(list(map(str, a['padding'])))}, "
    if any(d != 1 for d in a["dilation"]):
        options += f"rhs_dilation={tuple_text(list(map(str, a['dilation'])))}, "
    names = tuple_text([f'"{name}"' for name in _LAYOUTS[len(a["strides"])]])
    options += f"dimension_numbers={names}"
    if a.get("groups", 1) != 1:
        options += f", feature_group_count={a['groups']}"
    return Code(f"jax.lax.conv_general_dilated({args[0].text}, {args[1].text}, {options})")


def _conv_transpose(body: Body, node: Node, args: list[Code]) -> Code:
    a, args = node.attributes, in_low(body, args)
    kernel: Value = node.operands[1]  # type: ignore[assignment]
    window: tuple[int, ...] = kernel.shape[: len(a["strides"])]  # type: ignore[assignment]
    padding = transposed_padding(a["padding"], spans(window, a["dilation"]))
    options = f"strides={tuple(a['strides'])}, padding={padding}, "
    if any(d != 1 for d in a["dilation"]):
        options += f"rhs_dilation={tuple(a['dilation'])}, "
    options += "transpose_kernel=True"
    if a["groups"] == 1:
        return Code(f"jax.lax.conv_transpose({args[0].text}, {args[1].text}, {options})")
    body.emitter.use_support("grouped_conv_transpose")
    return Code(f"grouped_conv_transpose({args[0].text}, {args[1].text}, {a['groups']}, {options})")


GROUPED_CONV_TRANSPOSE = '''def grouped_conv_transpose(x, kernel, groups, **options):
    """jax.lax.conv_transpose of each group of channels."""
    parts = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1))
    return jnp.concatenate([jax.lax.conv_transpose(a, b, **options) for a, b in parts], -1)'''


SUPPORT = {"grouped_conv_transpose": GROUPED_CONV_TRANSPOSE}


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
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "window_max": _window("-jnp.inf", "jax.lax.max"),
    "window_sum": _window("0.0", "jax.lax.add"),
}
