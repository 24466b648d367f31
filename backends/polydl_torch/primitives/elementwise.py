"""Primitives that act on each element."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import BIT_AND, SHIFT, Code
from polydl.emission.operators import Writer, bitwise, template
from polydl.program.types import Constant, Node
from polydl_torch.primitives.common import DTYPES


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


PRIMITIVES: dict[str, Writer] = {
    "absolute": template("{0!a}.abs()"),
    "exp": template("torch.exp({0})"),
    "log": template("torch.log({0})"),
    "sqrt": template("torch.sqrt({0})"),
    "rsqrt": template("torch.rsqrt({0})"),
    "tanh": template("torch.tanh({0})"),
    "sin": template("torch.sin({0})"),
    "cos": template("torch.cos({0})"),
    "erf": template("torch.erf({0})"),
    "stop_gradient": template("{0!a}.detach()"),
    "maximum": _extremum("maximum"),
    "minimum": _extremum("minimum"),
    "shift_right_logical": _shift,
    "where": _where,
    "astype": _astype,
}
