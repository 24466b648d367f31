"""Sizes and shapes in emitted text: numbers, or read off a value that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polydl.emission.code import ATOM, MULTIPLY, Code, binary
from polydl.program.sizes import AnySize, Quotient, Shape, Size, product, same, same_shape

if TYPE_CHECKING:
    from polydl.emission.body import Body
    from polydl.program.types import Node


class UnboundSymbol(Exception):  # noqa: N818
    """No name in scope has the size; it must be noted at the top of the function."""

    def __init__(self, symbol: str):
        self.symbol = symbol


class SizeWriter:
    """Writes sizes in terms of what is in scope at a point of a Body."""

    def __init__(self, body: Body):
        self.body = body

    def size(self, size: AnySize, hint: str = "size") -> Code:
        if isinstance(size, int):
            return Code(self.body.literal(size, hint))
        found = self._dimension(size) or self._count(size)
        return found or self._polynomial(size)

    def size_symbol(self, symbol: str) -> Code:
        """The code of a plain symbol, from the Block's own inputs."""
        code = self._dimension(Size.symbol(symbol))
        if code is None:
            raise NotImplementedError(f"no input of {self.body.block.key!r} has the size {symbol}")
        return code

    def shape(self, shape: Shape, hints: str = "size") -> Code:
        """A tuple; or `x.shape` where a name in scope has this very shape."""
        if any(isinstance(size, Size) for size in shape):
            for name, value in self.body.bound.items():
                if same_shape(value.shape, shape):
                    return self.body.emitter.shape_of(Code(name))
        items = [self.size(size, hints).text for size in shape]
        return Code(f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})")

    def reshape_sizes(self, shape: Shape) -> list[str]:
        """Sizes for a reshape: `x.shape` where that is it, or -1 where exactly one is unknown."""
        unknown = [size for size in shape if isinstance(size, Size)]
        if unknown and len(shape) > 1 and self.body.emitter.reshapes_like:
            for name, value in self.body.bound.items():
                if same_shape(value.shape, shape):
                    return [self.body.emitter.shape_of(Code(name)).text]
        if len(unknown) == 1:
            return ["-1" if isinstance(s, Size) else self.size(s, "features").text for s in shape]
        return [self.size(size, "features").text for size in shape]

    def _dimension(self, size: Size) -> Code | None:
        if str(size) in self.body.symbol_names:
            return Code(self.body.symbol_names[str(size)])
        for name, value in self.body.bound.items():
            for axis, other in enumerate(value.shape):
                if same(size, other):
                    return self.body.emitter.dimension(Code(name), axis)
        return None

    def _count(self, size: Size) -> Code | None:
        for name, value in self.body.bound.items():
            if len(value.shape) > 1 and same(product(value.shape), size):
                return self.body.emitter.element_count(Code(name))
        return None

    def _polynomial(self, size: Size) -> Code:
        total: Code | None = None
        for monomial, coefficient in size.terms.items():
            term: Code | None = None
            for atom in monomial:
                factor = self._atom(atom)
                term = factor if term is None else binary(term, "*", factor, MULTIPLY)
            number = Code(self.body.literal(abs(coefficient), "factor"))
            if term is None:
                term = number
            elif abs(coefficient) != 1:
                term = binary(term, "*", number, MULTIPLY)
            if total is None:
                total = term if coefficient > 0 else Code(f"-{term.within(MULTIPLY)}", ATOM - 2)
            else:
                total = binary(total, "+" if coefficient > 0 else "-", term, MULTIPLY - 1)
        assert total is not None
        return total

    def _atom(self, atom: str | Quotient) -> Code:
        if isinstance(atom, str):
            code = self._dimension(Size.symbol(atom))
            if code is None:
                raise UnboundSymbol(atom)
            return code
        return binary(self.size(atom.numerator), "//", self.size(atom.divisor), MULTIPLY)


def arange_text(body: Body, node: Node) -> str:
    """The arguments of an arange: its end, or its start and end, and its step."""
    a = node.attributes
    start, step = a.get("start", 0), a.get("step", 1)
    end = body.sizes.size(start + a["size"] * step).text
    if same(start, 0) and step == 1:
        return end
    bounds = f"{body.sizes.size(start, 'start').text}, {end}"
    return bounds if step == 1 else f"{bounds}, {step}"
