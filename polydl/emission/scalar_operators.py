"""Primitives of single numbers, as Python writes them: operators, built-ins and `math`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from polydl.emission.code import (
    ADD,
    AND,
    MULTIPLY,
    NOT,
    OR,
    UNARY,
    Code,
    binary,
    comparison,
    literal_text,
    power,
    prefix,
)
from polydl.emission.operators import OPERATORS, functions, template
from polydl.program.types import Constant, Node, Operand, Scalar

ScalarWriter = Callable[[Any, Node, list[Code]], Code]

TRANSPARENT = frozenset(["stop_gradient"])
_CONDITIONAL = -1  # binds looser than all operators
# operands of these may be whole floats written as ints: the other operand makes floats of them
_ARITHMETIC = frozenset(
    """add subtract multiply divide greater greater_equal less less_equal equal
    not_equal""".split()
)
_WHOLE = frozenset("floor ceil round trunc sign".split())  # ints in Python
_KEEPS_INTS = frozenset(
    "add subtract multiply remainder negative absolute square astype stop_gradient".split()
)
_GIVES_EITHER = frozenset("minimum maximum where clip call".split())


def literal(value: Scalar) -> Code:
    """A number as source."""
    text = "math.pi" if value == math.pi else literal_text(value)
    return Code(text, UNARY) if text.startswith("-") else Code(text)


def constant(node: Node, operand: Constant) -> Scalar:
    """A constant as an operand of a node: a whole float as an int, where that is the same."""
    value = operand.value
    same = node.op in _ARITHMETIC or (node.op == "power" and operand is node.operands[-1])
    if same and isinstance(value, float) and value.is_integer() and 0 < abs(value) < 2**53:
        return int(value)
    return value


def is_int(node: Node, operand_is_int: Callable[[Operand], bool]) -> bool:
    """Whether Python's result may be an int, though it counts as a float."""
    operands = node.operands[1:] if node.op == "where" else node.operands
    ints = [
        isinstance(constant(node, x), int) if isinstance(x, Constant) else operand_is_int(x)
        for x in operands
    ]
    if node.op in _KEEPS_INTS:
        return all(ints)
    return node.op in _WHOLE or (node.op in _GIVES_EITHER and any(ints))


def conditional(condition: Code, yes: Code, no: Code) -> Code:
    """`yes if condition else no`."""
    sides = yes.within(OR), condition.within(OR), no.within(_CONDITIONAL)
    return Code("{} if {} else {}".format(*sides), _CONDITIONAL)


def _where(body: Any, node: Node, args: list[Code]) -> Code:
    return conditional(*args)


def _clip(body: Any, node: Node, args: list[Code]) -> Code:
    low, high = node.attributes["low"], node.attributes["high"]
    text = args[0].text
    if low is not None:
        text = f"max({text}, {literal(low).text})"
    return Code(text if high is None else f"min({text}, {literal(high).text})")


def _or(body: Any, node: Node, args: list[Code]) -> Code:
    """What is an `and` itself goes in parentheses, for readers."""
    sides = [f"({x.text})" if x.precedence == AND else x.within(OR) for x in args]
    return Code(" or ".join(sides), OR)


def _power(body: Any, node: Node, args: list[Code]) -> Code:
    return power(*args)


def _sign(body: Any, node: Node, args: list[Code]) -> Code:
    above, below = (comparison(args[0], symbol, Code("0")) for symbol in "><")
    return binary(above, "-", below, ADD)


def _astype(body: Any, node: Node, args: list[Code]) -> Code:
    """To an int or a bool; a bool among numbers is an int already."""
    return Code(f"{node.attributes['dtype']}({args[0].text})")


def _rsqrt(body: Any, node: Node, args: list[Code]) -> Code:
    return binary(Code("1"), "/", Code(f"math.sqrt({args[0].text})"), MULTIPLY)


SCALARS: dict[str, ScalarWriter] = {
    **{
        name: OPERATORS[name]
        for name in """add subtract multiply divide floor_divide remainder negative greater
        greater_equal less less_equal equal not_equal bitwise_and bitwise_or bitwise_xor
        bitwise_not right_shift""".split()
    },
    **functions(
        "math",
        """exp exp2 expm1 log log1p log2 log10 sqrt sin cos tan arcsin=asin arccos=acos arctan=atan
        arctan2=atan2 sinh cosh tanh arcsinh=asinh arccosh=acosh arctanh=atanh erf erfc floor ceil
        trunc isnan isinf isfinite""",
    ),
    "absolute": template("abs({0})"),
    "round": template("round({0})"),
    "minimum": template("min({0}, {1})"),
    "maximum": template("max({0}, {1})"),
    "power": _power,
    "square": lambda body, node, args: power(args[0], Code("2")),
    "rsqrt": _rsqrt,
    "sign": _sign,
    "clip": _clip,
    "where": _where,
    "astype": _astype,
    "full": lambda body, node, args: literal(node.attributes["value"]),
    "logical_and": lambda body, node, args: binary(args[0], "and", args[1], AND),
    "logical_or": _or,
    "logical_xor": lambda body, node, args: comparison(args[0], "!=", args[1]),
    "logical_not": lambda body, node, args: prefix("not ", args[0], NOT),
}
