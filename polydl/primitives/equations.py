"""The equations of einsum: which letters each operand's axes and the result's have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from polydl.errors import ShapeError
from polydl.program.sizes import AnySize, Shape

DOTS = "..."
_TERM = re.compile(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*")


@dataclass(frozen=True)
class Equation:
    """inputs and output: letters, with at most one `...` for leading axes that broadcast."""

    inputs: tuple[str, ...]
    output: str

    @staticmethod
    def parse(text: str, ranks: Sequence[int]) -> Equation:
        """An equation for operands of so many axes. ShapeError if it is none."""
        left, arrow, output = text.replace(" ", "").partition("->")
        inputs = tuple(left.split(","))
        if not arrow:
            counts = Counter(left.replace(",", "").replace(DOTS, ""))
            once = sorted(letter for letter, count in counts.items() if count == 1)
            output = (DOTS if DOTS in left else "") + "".join(once)
        if not all(_TERM.fullmatch(term) for term in (*inputs, output)):
            raise ShapeError(f"einsum: {text!r} is no equation such as 'bij,bjk->bik'")
        if len(inputs) != len(ranks):
            raise ShapeError(f"einsum: {text!r} takes {len(inputs)} operands, got {len(ranks)}")
        for term, rank in zip(inputs, ranks, strict=True):
            letters = len(term.replace(DOTS, ""))
            if letters > rank or (letters < rank and DOTS not in term):
                raise ShapeError(f"einsum: {text!r} names {term!r} what has {rank} axes")
        letters_out = output.replace(DOTS, "")
        strange = [x for x in letters_out if x not in left]
        if strange or len(set(letters_out)) < len(letters_out):
            raise ShapeError(f"einsum: the result {output!r} of {text!r} has letters twice, or new")
        if DOTS in left and DOTS not in output:
            raise ShapeError(f"einsum: {text!r} sums over `...`; name those axes")
        return Equation(inputs, output)

    @property
    def text(self) -> str:
        return f"{','.join(self.inputs)}->{self.output}"

    def named(self, shapes: Sequence[Shape]) -> list[tuple[str, AnySize]]:
        """Each letter that an operand has, with its size there."""
        return [
            pair
            for term, shape in zip(self.inputs, shapes, strict=True)
            for pair in zip(*_split(term, shape)[::2], strict=True)
        ]

    def leading(self, shapes: Sequence[Shape]) -> list[Shape]:
        """The shape that `...` stands for in each operand."""
        return [_split(t, s)[1] for t, s in zip(self.inputs, shapes, strict=True)]


def _split(term: str, shape: Shape) -> tuple[str, Shape, Shape]:
    """A term's letters, what its `...` stands for, and the sizes of its letters."""
    before, dots, after = term.partition(DOTS)
    if not dots:
        return term, (), shape
    end = len(shape) - len(after)
    return before + after, shape[len(before) : end], (*shape[: len(before)], *shape[end:])
