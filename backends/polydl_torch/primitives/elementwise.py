"""Primitives that act on each element."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import BIT_AND, SHIFT, Code
from polydl.emission.operators import Writer, bitwise, functions, template
from polydl.program.types import Constant, Node
from polydl_torch.primitives.common import DTYPES


def _where(body: Body, node: Node, args: list[Code]) -> Code:
    if all(isinstance(x, Constant) for x in node.operands[1:]):
        value = f"torch.tensor({args[1].text}, dtype={DTYPES[node.output.dtype]})"
        return Code(f"torch.where({args[0].text}, {value}, {args[2].text})")
    return Code(f"torch.where({', '.join(a.text for a in args)})")


def _clip(body: Body, node: Node, args: list[Code]) -> Code:
    bounds = [(n, node.attributes[k]) for n, k in (("min", "low"), ("max", "high"))]
    given = [(name, body.literal(value, name)) for name, value in bounds if value is not None]
    texts = [value if len(given) == 2 else f"{name}={value}" for name, value in given]
    return Code(f"{args[0].atom}.clamp({', '.join(texts)})")


def _pair(name: str) -> Writer:
    """A function of two tensors, which takes no numbers. (clamp has another derivative at a tie.)"""
    return lambda body, node, args: Code(f"torch.{name}({', '.join(_tensors(node, args))})")


def _tensors(node: Node, args: list[Code]) -> list[str]:
    """Operands as text, numbers made tensors."""
    return [
        f"torch.tensor({a.text}, dtype={DTYPES[node.output.dtype]})"
        if isinstance(x, Constant)
        else a.text
        for x, a in zip(node.operands, args, strict=True)
    ]


def _astype(body: Body, node: Node, args: list[Code]) -> Code:
    if node.attributes["dtype"] == "float":
        return Code(f"{args[0].atom}.to(torch.get_default_dtype())")
    return Code(f"{args[0].atom}.to({DTYPES[node.attributes['dtype']]})")


def _sign(body: Body, node: Node, args: list[Code]) -> Code:
    """torch.sign gives 0 for NaN."""
    if node.output.dtype != "float":
        return Code(f"torch.sign({args[0].text})")
    body.emitter.use_support("signum")
    return Code(f"signum({args[0].text})")


def _shift(body: Body, node: Node, args: list[Code]) -> Code:
    bits = node.attributes["bits"]
    shifted = bitwise(args[0], ">>", Code(str(bits)), SHIFT)
    return bitwise(shifted, "&", Code(f"0x{(1 << (32 - bits)) - 1:X}"), BIT_AND)


SUPPORT = {
    "signum": '''def signum(x):
    """torch.sign, and NaN where x is."""
    return torch.where(torch.isnan(x), x, torch.sign(x))''',
}

PRIMITIVES: dict[str, Writer] = {
    "absolute": template("{0!a}.abs()"),
    **functions(
        "torch",
        """square exp exp2 expm1 log log1p log2 log10 sqrt rsqrt sin cos tan arcsin=asin
        arccos=acos arctan=atan sinh cosh tanh arcsinh=asinh arccosh=acosh arctanh=atanh erf erfc
        erfinv floor ceil round trunc isnan isinf isfinite""",
    ),
    "sign": _sign,
    "arctan2": _pair("atan2"),
    "clip": _clip,
    "stop_gradient": template("{0!a}.detach()"),
    "maximum": _pair("maximum"),
    "minimum": _pair("minimum"),
    "shift_right_logical": _shift,
    "where": _where,
    "astype": _astype,
}
