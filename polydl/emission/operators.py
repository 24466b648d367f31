"""Primitives that are Python operators in every framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from polydl.emission.code import (
    ADD,
    BIT_AND,
    BIT_OR,
    BIT_XOR,
    MULTIPLY,
    SHIFT,
    UNARY,
    Code,
    binary,
    comparison,
    power,
    prefix,
)
from polydl.program.types import Node

if TYPE_CHECKING:
    from polydl.emission.body import Body

Writer = Callable[["Body", Node, list[Code]], Code]


def _binary(symbol: str, precedence: int) -> Writer:
    return lambda body, node, args: binary(args[0], symbol, args[1], precedence)


def bitwise(left: Code, symbol: str, right: Code, precedence: int) -> Code:
    """An operator on bits; operands that are operators themselves go in parentheses, for readers."""
    return Code(f"{left.within(UNARY)} {symbol} {right.within(UNARY)}", precedence)


def _bitwise(symbol: str, precedence: int) -> Writer:
    return lambda body, node, args: bitwise(args[0], symbol, args[1], precedence)


def _comparison(symbol: str) -> Writer:
    return lambda body, node, args: comparison(args[0], symbol, args[1])


OPERATORS: dict[str, Writer] = {
    "add": _binary("+", ADD),
    "subtract": _binary("-", ADD),
    "multiply": _binary("*", MULTIPLY),
    "divide": _binary("/", MULTIPLY),
    "floor_divide": _binary("//", MULTIPLY),
    "remainder": _binary("%", MULTIPLY),
    "matmul": _binary("@", MULTIPLY),
    "power": lambda body, node, args: power(*args),
    "negative": lambda body, node, args: prefix("-", args[0]),
    "greater": _comparison(">"),
    "greater_equal": _comparison(">="),
    "less": _comparison("<"),
    "less_equal": _comparison("<="),
    "equal": _comparison("=="),
    "not_equal": _comparison("!="),
    "bitwise_and": _bitwise("&", BIT_AND),
    "logical_and": _bitwise("&", BIT_AND),
    "logical_or": _bitwise("|", BIT_OR),
    "bitwise_or": _bitwise("|", BIT_OR),
    "bitwise_xor": _bitwise("^", BIT_XOR),
    "logical_xor": _bitwise("^", BIT_XOR),
    "left_shift": _bitwise("<<", SHIFT),
    "right_shift": _bitwise(">>", SHIFT),
    "bitwise_not": lambda body, node, args: prefix("~", args[0], UNARY),
    "logical_not": lambda body, node, args: prefix("~", args[0], UNARY),
}


def template(text: str) -> Writer:
    """A call such as "torch.exp({0})"; "{0!a}" puts the operand where an atom is needed."""

    def write(body: Body, node: Node, args: list[Code]) -> Code:
        result = text
        for i, argument in enumerate(args):
            result = result.replace(f"{{{i}!a}}", argument.atom).replace(f"{{{i}}}", argument.text)
        return Code(result)

    return write


def functions(module: str, names: str) -> dict[str, Writer]:
    """Primitives that are functions of one module: "sin" or, renamed, "arcsin=asin"."""
    pairs = (name.partition("=")[::2] for name in names.split())
    return {ours: _function(f"{module}.{theirs or ours}") for ours, theirs in pairs}


def _function(callee: str) -> Writer:
    return lambda body, node, args: Code(f"{callee}({', '.join(a.text for a in args)})")
