"""Primitives that act on each element."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code, power
from polydl.emission.operators import Writer, functions
from polydl.program.types import Constant, Node
from polydl_keras.primitives.common import (
    dtype_text,
)


def _tensors(body: Body, node: Node, args: list[Code]) -> list[str]:
    """Operands as text, where one of two at least must be a tensor to bring the dtype."""
    texts = [a.text for a in args]
    if all(isinstance(x, Constant) for x in node.operands[-2:]):
        texts[-2] = f"ops.convert_to_tensor({texts[-2]}, {dtype_text(body, node.output.dtype)})"
    return texts


def _of_literals(name: str) -> Writer:
    """Functions that take a Python float for a float32 whatever the other operand is."""

    def write(body: Body, node: Node, args: list[Code]) -> Code:
        texts = [a.text for a in args]
        for i, x in enumerate(node.operands if body.emitter.dtype != "float32" else ()):
            if isinstance(x, Constant) and isinstance(x.value, float):
                texts[i] = f"ops.convert_to_tensor({texts[i]}, {dtype_text(body, 'float')})"
        return Code(f"ops.{name}({', '.join(texts)})")

    return write


def _where(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"ops.where({', '.join(_tensors(body, node, args))})")


def _extremum(name: str) -> Writer:
    """TensorFlow gives all of the derivative at a tie to one side, and passes over NaN."""

    def write(body: Body, node: Node, args: list[Code]) -> Code:
        texts = ", ".join(_tensors(body, node, args))
        if node.output.dtype != "float":
            return Code(f"ops.{name}({texts})")
        body.emitter.use_support(name)
        return Code(f"{name}({texts})")

    return write


def _astype(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"ops.cast({args[0].text}, {dtype_text(body, node.attributes['dtype'])})")


def _clip(body: Body, node: Node, args: list[Code]) -> Code:
    """keras.ops takes two bounds always."""
    a, integers = node.attributes, node.output.dtype == "int"
    low = ("-(2**31)" if integers else 'float("-inf")') if a["low"] is None else ""
    high = ("2**31 - 1" if integers else 'float("inf")') if a["high"] is None else ""
    low, high = low or body.literal(a["low"], "low"), high or body.literal(a["high"], "high")
    return Code(f"ops.clip({args[0].text}, {low}, {high})")


def _shift(body: Body, node: Node, args: list[Code]) -> Code:
    bits = node.attributes["bits"]
    mask = f"0x{(1 << (32 - bits)) - 1:X}"
    return Code(f"ops.bitwise_and(ops.right_shift({args[0].text}, {bits}), {mask})")


SUPPORT = {
    name: f'''def {name}(a, b):
    """The {word} of a and b; at a tie each gets half of the derivative, and NaN stays NaN."""
    return ops.where(a {sign} b, a, ops.where(b {sign} a, b, 0.5 * a + 0.5 * b))'''
    for name, word, sign in (("maximum", "larger", ">"), ("minimum", "smaller", "<"))
}

PRIMITIVES: dict[str, Writer] = {
    **functions(
        "ops",
        """absolute=abs sign square exp expm1 log log1p log2 log10 sqrt rsqrt sin cos tan arcsin
        arccos arctan sinh cosh tanh arcsinh arccosh arctanh erf erfc erfinv floor ceil round
        trunc isnan isinf isfinite stop_gradient floor_divide
        logical_xor bitwise_and bitwise_or bitwise_xor bitwise_not left_shift right_shift""",
    ),
    **{name: _of_literals(name) for name in ("arctan2", "equal", "not_equal")},
    "remainder": _of_literals("mod"),
    "exp2": lambda body, node, args: power(Code("2.0"), args[0]),  # ops.exp2 is float32 only
    "clip": _clip,
    "maximum": _extremum("maximum"),
    "minimum": _extremum("minimum"),
    "shift_right_logical": _shift,
    "where": _where,
    "astype": _astype,
}
