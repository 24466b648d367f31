"""Primitives that act on each element."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import BIT_AND, SHIFT, Code
from polydl.emission.operators import Writer, bitwise, template
from polydl.program.types import Constant, Node
from polydl_flax.primitives.common import own_dtype


def _absolute(body: Body, node: Node, args: list[Code]) -> Code:
    """jnp.abs has the derivative 1 at 0, where ours is 0; integers have none."""
    if node.output.dtype == "int":
        return Code(f"jnp.abs({args[0].text})")
    body.emitter.use_support("absolute")
    return Code(f"absolute({args[0].text})")


def _where(body: Body, node: Node, args: list[Code]) -> Code:
    texts = [a.text for a in args]
    if all(isinstance(x, Constant) for x in node.operands[1:]):
        texts[1] = f"{own_dtype(body, node.output.dtype)}({texts[1]})"
    return Code(f"jnp.where({', '.join(texts)})")


def _astype(body: Body, node: Node, args: list[Code]) -> Code:
    return Code(f"{args[0].atom}.astype({own_dtype(body, node.attributes['dtype'])})")


def _shift(body: Body, node: Node, args: list[Code]) -> Code:
    """An arithmetic shift with the copies of the sign masked off."""
    bits = node.attributes["bits"]
    shifted = bitwise(args[0], ">>", Code(str(bits)), SHIFT)
    return bitwise(shifted, "&", Code(f"0x{(1 << (32 - bits)) - 1:X}"), BIT_AND)


ABSOLUTE = '''def absolute(x):
    """|x|, with the derivative 0 at 0, where that of jnp.abs is 1."""
    return x * jnp.sign(x)'''

SUPPORT = {"absolute": ABSOLUTE}

PRIMITIVES: dict[str, Writer] = {
    "absolute": _absolute,
    "exp": template("jnp.exp({0})"),
    "log": template("jnp.log({0})"),
    "sqrt": template("jnp.sqrt({0})"),
    "rsqrt": template("jax.lax.rsqrt({0})"),
    "tanh": template("jnp.tanh({0})"),
    "sin": template("jnp.sin({0})"),
    "cos": template("jnp.cos({0})"),
    "erf": template("jax.lax.erf({0})"),
    "stop_gradient": template("jax.lax.stop_gradient({0})"),
    "maximum": template("jnp.maximum({0}, {1})"),
    "minimum": template("jnp.minimum({0}, {1})"),
    "shift_right_logical": _shift,
    "where": _where,
    "astype": _astype,
}
