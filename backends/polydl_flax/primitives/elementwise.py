"""Primitives that act on each element."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import BIT_AND, SHIFT, Code
from polydl.emission.operators import Writer, bitwise, functions
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


def _clip(body: Body, node: Node, args: list[Code]) -> Code:
    """jnp.clip has half the derivative at the bounds, where ours is 1; integers have none."""
    a = node.attributes
    bounds = {k: body.literal(a[k], k) for k in ("low", "high") if a[k] is not None}
    if node.output.dtype == "int":
        names = {"low": "min", "high": "max"}
        given = ", ".join(f"{names[k]}={v}" for k, v in bounds.items())
        return Code(f"jnp.clip({args[0].text}, {given})")
    body.emitter.use_support("clip")
    given = ", ".join(v if len(bounds) == 2 else f"{k}={v}" for k, v in bounds.items())
    return Code(f"clip({args[0].text}, {given})")


def _shift(body: Body, node: Node, args: list[Code]) -> Code:
    """An arithmetic shift with the copies of the sign masked off."""
    bits = node.attributes["bits"]
    shifted = bitwise(args[0], ">>", Code(str(bits)), SHIFT)
    return bitwise(shifted, "&", Code(f"0x{(1 << (32 - bits)) - 1:X}"), BIT_AND)


ABSOLUTE = '''def absolute(x):
    """|x|, with the derivative 0 at 0, where that of jnp.abs is 1."""
    return x * jnp.sign(x)'''

CLIP = '''def clip(x, low=-jnp.inf, high=jnp.inf):
    """x between low and high, with the derivative 1 at them, where that of jnp.clip is a half."""
    return jnp.where(x < low, low, jnp.where(x > high, high, x))'''

SUPPORT = {"absolute": ABSOLUTE, "clip": CLIP}

PRIMITIVES: dict[str, Writer] = {
    "absolute": _absolute,
    **functions(
        "jnp",
        """sign square exp exp2 expm1 log log1p log2 log10 sqrt sin cos tan arcsin arccos arctan arctan2
        sinh cosh tanh arcsinh arccosh arctanh floor ceil round trunc isnan isinf isfinite maximum
        minimum""",
    ),
    **functions("jax.lax", "rsqrt erf erfc erfinv=erf_inv stop_gradient"),
    "clip": _clip,
    "shift_right_logical": _shift,
    "where": _where,
    "astype": _astype,
}
