"""Which integers a value can hold, where the Program alone tells: an arange, or constants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce

from polydl.program.sizes import AnySize, same
from polydl.program.types import Block, Constant, Node, Operand, Program, walk

_VIEWS = ("reshape", "transpose", "broadcast_to", "flip", "index")


@dataclass(frozen=True)
class Range:
    """From the first to the largest of lasts, which sizes known only at run time may tell."""

    first: int
    lasts: tuple[AnySize, ...]

    def moved(self, offset: int) -> Range:
        return Range(self.first + offset, tuple(last + offset for last in self.lasts))

    def joined(self, other: Range) -> Range:
        lasts = (*self.lasts, *(last for last in other.lasts if not _among(last, self.lasts)))
        return Range(min(self.first, other.first), lasts)

    def absolute(self) -> Range:
        return self if self.first >= 0 else Range(0, (*self.lasts, -self.first))


class Ranges:
    """Ranges of a Program's values. functions: Blocks that other code calls too, with anything."""

    def __init__(self, program: Program, functions: tuple[str, ...] = ()):
        self.program, self.functions = program, functions

    def indexes(self, block: Block, operand: Operand, rows: AnySize) -> bool:
        """Whether every element is surely one of 0, 1, ..., rows - 1."""
        found = self.of(block, operand)
        if found is None or found.first < 0:
            return False
        beyond = [last + 1 - rows for last in found.lasts]
        return all(isinstance(more, int) and more <= 0 for more in beyond)

    @cached_property
    def _calls(self) -> dict[str, list[tuple[Block, Node]]]:
        found: dict[str, list[tuple[Block, Node]]] = {}
        for block in self.program.blocks.values():
            for node in walk(block.nodes):
                if node.op == "call":
                    found.setdefault(node.attributes["block"], []).append((block, node))
        return found

    def of(self, block: Block, operand: Operand) -> Range | None:
        """The integers that a value can hold, or None where that is not known."""
        if isinstance(operand, Constant):
            number = operand.value
            known = isinstance(number, int) and not isinstance(number, bool)
            return Range(number, (number,)) if known else None  # type: ignore[arg-type]
        if operand.dtype != "int":
            return None
        for position, value in enumerate(block.inputs):
            if value.id == operand.id:
                return self._of_input(block, position)
        for node in walk(block.nodes):
            if any(value.id == operand.id for value in node.outputs):
                return self._made(block, node)
        return None

    def _of_input(self, block: Block, position: int) -> Range | None:
        """What all calls of a Block give it."""
        calls = self._calls.get(block.key, [])
        if not calls or block.key in self.functions:
            return None
        found = [self.of(caller, node.operands[position]) for caller, node in calls]
        known = [each for each in found if each is not None]
        return reduce(Range.joined, known) if len(known) == len(found) else None

    def _made(self, block: Block, node: Node) -> Range | None:
        if node.op in _VIEWS:
            return self.of(block, node.operands[0])
        if node.op == "constant" and node.attributes["values"]:
            values = node.attributes["values"]
            return Range(min(values), (max(values),))
        if node.op == "arange":
            start, size = node.attributes.get("start", 0), node.attributes["size"]
            if isinstance(start, int) and node.attributes.get("step", 1) == 1:
                return Range(start, (size - 1 + start,))
        if node.op == "add":
            left, right = (self.of(block, operand) for operand in node.operands)
            if left and right and same(right.lasts[-1], right.first):
                return left.moved(right.first)
        if node.op == "absolute":
            found = self.of(block, node.operands[0])
            return found.absolute() if found else None
        return None


def _among(size: AnySize, sizes: tuple[AnySize, ...]) -> bool:
    return any(same(size, other) for other in sizes)
