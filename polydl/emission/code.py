"""Pieces of Python text: expressions with their precedence, and literals that may become arguments.

A literal is written as a Slot marker. Whether it stays a number in the text or becomes a constructor
argument is decided later, when all blocks of one shape are known (see `merging`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from polydl.program.types import Scalar

# Python's precedences, loosest first
OR, AND, NOT, COMPARE, BIT_OR, BIT_XOR, BIT_AND, SHIFT, ADD, MULTIPLY, UNARY, POWER, ATOM = range(
    13
)

INDENT = "    "

_MARKER = re.compile("\x02(\\d+)\x03")
_SIMPLE = re.compile("-?[\\w.\x02\x03]+")


@dataclass(frozen=True)
class Code:
    """An expression's text and how tightly it binds."""

    text: str
    precedence: int = ATOM

    def within(self, precedence: int) -> str:
        """Its text where at least this precedence is needed: in parentheses if it binds looser."""
        return self.text if self.precedence >= precedence else f"({self.text})"

    @property
    def atom(self) -> str:
        """Its text as something that can be called, indexed or have an attribute."""
        return self.within(ATOM)


def binary(left: Code, symbol: str, right: Code, precedence: int) -> Code:
    """A left-associative operator."""
    both = f"{left.within(precedence)} {symbol} {right.within(precedence + 1)}"
    return Code(both, precedence)


def comparison(left: Code, symbol: str, right: Code) -> Code:
    return Code(f"{left.within(COMPARE + 1)} {symbol} {right.within(COMPARE + 1)}", COMPARE)


def power(base: Code, exponent: Code) -> Code:
    """Spaces around the operator unless both sides are names or numbers, as formatters have it."""
    left, right = base.within(ATOM), exponent.within(UNARY)
    symbol = "**" if _SIMPLE.fullmatch(left) and _SIMPLE.fullmatch(right) else " ** "
    return Code(f"{left}{symbol}{right}", POWER)


def prefix(symbol: str, operand: Code, precedence: int = UNARY) -> Code:
    return Code(f"{symbol}{operand.within(precedence)}", precedence)


@dataclass(frozen=True)
class Option:
    """A keyword that is left out where its value is the default: `, stride=` and 1."""

    text: str
    default: Any


class Literal(Protocol):
    """Writes a value that has a name as an argument, should it become one."""

    def __call__(self, value: Any, hint: str, option: Option | None = None) -> str: ...


def plain_literal(value: Any, hint: str, option: Option | None = None) -> str:
    """A value as it is."""
    return Slot(value, hint, option).text


@dataclass(frozen=True)
class Slot:
    """A literal, and the name it would have as an argument."""

    value: Scalar
    hint: str
    option: Option | None = None

    @property
    def text(self) -> str:
        if self.option is None:
            return literal_text(self.value)
        is_default = repr(self.value) == repr(self.option.default)
        return "" if is_default else self.named(literal_text(self.value))

    def named(self, argument: str) -> str:
        """The text where an argument stands for the value."""
        return argument if self.option is None else f"{self.option.text}{argument}"


@dataclass
class Slots:
    """The literals of one class or function, in the order in which they were written."""

    slots: list[Slot] = field(default_factory=list)

    def literal(self, value: Scalar, hint: str, option: Option | None = None) -> str:
        self.slots.append(Slot(value, hint, option))
        return f"\x02{len(self.slots) - 1}\x03"

    def filled(self, text: str) -> str:
        """The text with its literals in place of their markers."""
        return fill(text, lambda i: self.slots[i].text)


def literal_text(value: Scalar) -> str:
    """A Python scalar as source. Infinities have no literal."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return f'float("{value}")'
    return repr(value)


def constant_maker(value: Scalar) -> str | None:
    """ "zeros" or "ones", which all frameworks have, for what they fill an array with."""
    return {"0": "zeros", "0.0": "zeros", "1": "ones", "1.0": "ones"}.get(repr(value))


def string_text(text: str) -> str:
    """A string as source, in double quotes unless that takes backslashes."""
    single = repr(text)
    return f'"{single[1:-1]}"' if single[0] == "'" and '"' not in text else single


def one_or_all(values: tuple[int, ...]) -> str:
    """Sizes along several axes: one number where they are equal."""
    return str(values[0]) if len(set(values)) == 1 else str(tuple(values))


def sizes_option(literal: Literal, keyword: str, values: tuple[int, ...], default: int = 1) -> str:
    """`, stride=2`, left out at the default; an argument of the class where blocks differ in it."""
    if len(set(values)) == 1:
        return literal(values[0], keyword, Option(f", {keyword}=", default))
    return f", {keyword}={tuple(values)}"


def fill(text: str, replacement: Callable[[int], str]) -> str:
    """Replace every slot marker by what `replacement` gives for its number."""
    return _MARKER.sub(lambda match: replacement(int(match.group(1))), text)


def renumber(text: str) -> tuple[str, list[int]]:
    """The text with its markers numbered in order of appearance, and which slots those were."""
    order: list[int] = []

    def number(index: int) -> str:
        order.append(index)
        return f"\x02{len(order) - 1}\x03"

    return fill(text, number), order


def tuple_text(items: list[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def assignments(targets: Sequence[str], results: Sequence[str]) -> list[str]:
    """`h = h2`, one after the other, or at once where one needs what another overwrites."""
    pairs = [(t, r) for t, r in zip(targets, results, strict=True) if t != r]
    clash = any(
        re.search(rf"\b{re.escape(target)}\b", result)
        for i, (target, _) in enumerate(pairs)
        for _, result in pairs[i + 1 :]
    )
    if clash:
        left, right = zip(*pairs, strict=True)
        return [f"{', '.join(left)} = {', '.join(right)}"]
    return [f"{target} = {result}" for target, result in pairs]
