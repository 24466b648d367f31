"""Primitives that act on each element."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code
from polydl.emission.operators import Writer, template
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


def _astype(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"ops.cast({args[0].text}, {dtype_text(body, node.attributes['dtype'])})")


def _shift(body: Body, node: Node, args: list[Code]) -> Code:
    bits = node.attributes["bits"]
    mask = f"0x{(1 << (32 - bits)) - 1:X}"
    return Code(f"ops.bitwise_and(ops.right_shift({args[0].text}, {bits}), {mask})")


SUPPORT = {
    name: f'''def {name}(a, b):
    """The {word} of a and b; at a tie each gets half of the derivative."""
    return ops.where(ops.equal(a, b), 0.5 * a + 0.5 * b, ops.{name}(a, b))'''
    for name, word in (("maximum", "larger"), ("minimum", "smaller"))
}

PRIMITIVES: dict[str, Writer] = {
    "absolute": template("ops.abs({0})"),
    "exp": template("ops.exp({0})"),
    "log": template("ops.log({0})"),
    "sqrt": template("ops.sqrt({0})"),
    "rsqrt": template("ops.rsqrt({0})"),
    "tanh": template("ops.tanh({0})"),
    "sin": template("ops.sin({0})"),
    "cos": template("ops.cos({0})"),
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
}
