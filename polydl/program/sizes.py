"""Sizes of axes: integers, or symbols with `+ - * //`.

A size is a polynomial in named symbols with integer coefficients; a quotient that does not divide
exactly is an atom of its own. Two sizes are the same when their canonical forms are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from polydl.errors import DefinitionError, ProgramError

Atom: TypeAlias = "str | Quotient"
Monomial: TypeAlias = tuple[Atom, ...]
AnySize: TypeAlias = "int | Size"
Shape: TypeAlias = "tuple[int | Size, ...]"

MAX_SIZE_TEXT = 400
MAX_TERMS = 64  # (a + b)*(c + d)*... doubles with each factor: a short text could fill the memory


class Size:
    """A symbolic size, such as `batch*64` or `(time + 1)//2`."""

    __slots__ = ("key", "terms")

    def __init__(self, terms: Mapping[Monomial, int]):
        if len(terms) > MAX_TERMS:
            raise DefinitionError(f"a size of {len(terms)} terms is too long; use fewer symbols")
        self.terms = dict(sorted(terms.items(), key=lambda item: _monomial_order(item[0])))
        self.key = _text(self.terms)

    @staticmethod
    def symbol(name: str) -> Size:
        return Size({(name,): 1})

    def __add__(self, other: AnySize) -> AnySize:
        return _simplify(_sum(self.terms, _terms(other)))

    def __sub__(self, other: AnySize) -> AnySize:
        return self + (-1 * other)

    def __rsub__(self, other: AnySize) -> AnySize:
        return -1 * self + other

    def __mul__(self, other: AnySize) -> AnySize:
        product: dict[Monomial, int] = {}
        for left, a in self.terms.items():
            for right, b in _terms(other).items():
                monomial = tuple(sorted(left + right, key=str))
                product[monomial] = product.get(monomial, 0) + a * b
        return _simplify(product)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> AnySize:
        return self * -1

    def __floordiv__(self, other: AnySize) -> AnySize:
        return floor_divide(self, other)

    def __rfloordiv__(self, other: AnySize) -> AnySize:
        return floor_divide(other, self)

    def __truediv__(self, other: Any) -> Any:
        raise DefinitionError(f"a size is an integer; use `//` instead of `/` for {self} / {other}")

    __rtruediv__ = __truediv__

    def __mod__(self, other: AnySize) -> AnySize:
        return self - (self // other) * other

    def __rmod__(self, other: AnySize) -> AnySize:
        return other - (other // self) * self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (int, Size)):
            return NotImplemented
        if same(self, other):
            return True
        if isinstance(self - other, int):  # they differ by a constant other than zero
            return False
        raise self._undecidable(f"{self} == {other}")

    def __hash__(self) -> int:
        return hash(self.key)

    def _undecidable(self, what: str) -> DefinitionError:
        return DefinitionError(
            f"`{what}` cannot be decided while tracing: {self} is known only when the model runs. "
            "Give dl.Input a fixed size there, or write the model without branching on it"
        )

    def __bool__(self) -> bool:
        raise self._undecidable(f"bool({self})")

    def __index__(self) -> int:
        raise self._undecidable(f"int({self})")

    __int__ = __index__

    def __lt__(self, other: Any) -> bool:
        raise self._undecidable(f"{self} < {other}")

    def __le__(self, other: Any) -> bool:
        raise self._undecidable(f"{self} <= {other}")

    def __gt__(self, other: Any) -> bool:
        raise self._undecidable(f"{self} > {other}")

    def __ge__(self, other: Any) -> bool:
        raise self._undecidable(f"{self} >= {other}")

    def __repr__(self) -> str:
        return self.key

    def symbols(self) -> set[str]:
        """The names it depends on."""
        found: set[str] = set()
        for monomial in self.terms:
            for atom in monomial:
                if isinstance(atom, str):
                    found.add(atom)
                else:
                    found |= symbols((atom.numerator, atom.divisor))
        return found

    def evaluate(self, values: Mapping[str, int]) -> int:
        """Its integer value where every symbol has one."""
        total = 0
        for monomial, coefficient in self.terms.items():
            product = coefficient
            for atom in monomial:
                product *= values[atom] if isinstance(atom, str) else atom.evaluate(values)
            total += product
        return total


class Quotient:
    """`numerator // divisor` where the division is not exact."""

    __slots__ = ("divisor", "key", "numerator")

    def __init__(self, numerator: AnySize, divisor: AnySize):
        self.numerator, self.divisor = numerator, divisor
        self.key = f"{_factor(numerator)}//{_factor(divisor)}"

    def __repr__(self) -> str:
        return self.key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quotient) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def evaluate(self, values: Mapping[str, int]) -> int:
        return evaluate(self.numerator, values) // evaluate(self.divisor, values)


def same(a: AnySize, b: AnySize) -> bool:
    """Whether two sizes are the same for every value of their symbols. Never raises."""
    return a is b or str(a) == str(b)


def same_shape(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))


def is_symbolic(size: AnySize) -> bool:
    return isinstance(size, Size)


def symbols(sizes: Iterable[AnySize]) -> set[str]:
    return {name for size in sizes if isinstance(size, Size) for name in size.symbols()}


def product(sizes: Iterable[AnySize]) -> AnySize:
    total: AnySize = 1
    for size in sizes:
        total = total * size
    return total


def evaluate(size: AnySize, values: Mapping[str, int]) -> int:
    return size.evaluate(values) if isinstance(size, Size) else size


def floor_divide(a: AnySize, b: AnySize) -> AnySize:
    """`a // b`, simplified where it is exact."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    exact = _exact(_terms(a), _terms(b))
    return Size({(Quotient(a, b),): 1}) if exact is None else _simplify(exact)


def _exact(a: Mapping[Monomial, int], b: Mapping[Monomial, int]) -> dict[Monomial, int] | None:
    """Terms of the quotient by long division, or None where something remains."""
    lead = min(b, key=_division_order)
    quotient: dict[Monomial, int] = {}
    remainder = {monomial: c for monomial, c in a.items() if c}
    while remainder and max(len(remainder), len(quotient)) <= MAX_TERMS:
        term = min(remainder, key=_division_order)
        factor = _without(term, lead)
        value, rest = divmod(remainder[term], b[lead])
        if factor is None or rest:
            return None
        quotient[factor] = value
        for monomial, coefficient in b.items():
            product = tuple(sorted(factor + monomial, key=str))
            left = remainder.pop(product, 0) - value * coefficient
            if left:
                remainder[product] = left
    return None if remainder else quotient


def _division_order(monomial: Monomial) -> tuple[int, tuple[str, ...]]:
    """Larger ones first, in an order that products keep."""
    return (-len(monomial), tuple(map(str, monomial)))


def _without(monomial: Monomial, atoms: Monomial) -> Monomial | None:
    rest = list(monomial)
    for atom in atoms:
        if atom not in rest:
            return None
        rest.remove(atom)
    return tuple(rest)


def parse_size(text: str) -> AnySize:
    """Read what `str(size)` wrote. Only names, integers and `+ - * //` are accepted."""
    if len(text) > MAX_SIZE_TEXT:
        raise ProgramError(f"a size of {len(text)} characters is too long")
    try:
        return _from_tree(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError, ZeroDivisionError) as error:
        raise ProgramError(f"{text!r} is not a size ({error})") from None


def _from_tree(tree: ast.expr) -> AnySize:
    match tree:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.Name(id=name):
            return Size.symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -1 * _from_tree(operand)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _from_tree(left) + _from_tree(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _from_tree(left) - _from_tree(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _from_tree(left) * _from_tree(right)
        case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
            return floor_divide(_from_tree(left), _from_tree(right))
    raise ValueError(f"{type(tree).__name__} is not allowed in a size")


def _terms(size: AnySize) -> Mapping[Monomial, int]:
    return size.terms if isinstance(size, Size) else {(): size}


def _sum(a: Mapping[Monomial, int], b: Mapping[Monomial, int]) -> dict[Monomial, int]:
    total = dict(a)
    for monomial, coefficient in b.items():
        total[monomial] = total.get(monomial, 0) + coefficient
    return total


def _simplify(terms: Mapping[Monomial, int]) -> AnySize:
    kept = {monomial: c for monomial, c in terms.items() if c}
    if not kept:
        return 0
    if set(kept) == {()}:
        return kept[()]
    return Size(kept)


def _monomial_order(monomial: Monomial) -> tuple[int, str]:
    return (-len(monomial), "*".join(map(str, monomial)))


def _text(terms: Mapping[Monomial, int]) -> str:
    text = ""
    for monomial, coefficient in terms.items():
        factors = [str(atom) if isinstance(atom, str) else f"({atom})" for atom in monomial]
        if len(terms) == 1 and coefficient == 1 and len(monomial) == 1:
            return str(monomial[0])
        if abs(coefficient) != 1 or not factors:
            factors.append(str(abs(coefficient)))
        sign = "-" if coefficient < 0 else "+"
        body = "*".join(factors)
        text += f" {sign} {body}" if text else (f"-{body}" if coefficient < 0 else body)
    return text


def _factor(size: AnySize) -> str:
    text = str(size)
    return text if text.isidentifier() or text.isdigit() else f"({text})"
