"""Places that a Program counts off itself, such as positions, in a table that may be too short.

Inside a program an index out of range takes the nearest row. Where sizes known only at run time
decide whether there is one, as in `take(table, arange(time))`, they can be checked before. What is
decided while tracing is the author's own affair (padding at the edge counts beyond on purpose).

And batches that are too small to train on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from polydl.program.lookups import GATHERS, indexed, name_of
from polydl.program.ranges import Ranges
from polydl.program.sizes import AnySize, evaluate, is_symbolic, product
from polydl.program.types import Block, Node, Program


@dataclass(frozen=True)
class Extent:
    """The largest of places looked up among `rows`. where: the module that does it."""

    last: AnySize
    rows: AnySize
    where: str


def find_extents(program: Program) -> tuple[Extent, ...]:
    """All lookups of counted places, in both modes, for which sizes at run time decide."""
    ranges, seen = Ranges(program), {""}
    found: dict[Extent, None] = {}

    def visit(block: Block, where: str) -> None:
        for node in _of_both_modes(block.nodes):
            if node.op in GATHERS:
                indices, rows = indexed(node)
                counted = ranges.of(block, indices)
                for last in counted.lasts if counted else ():
                    if is_symbolic(last - rows):
                        found[Extent(last, rows, where)] = None
            elif node.op == "call" and node.attributes["block"] not in seen:
                called = program.blocks[node.attributes["block"]]
                seen.add(called.key)
                visit(called, name_of(called) if called.is_module else where)

    visit(program.root, name_of(program.root))
    return tuple(found)


def single_values(program: Program, sizes: Mapping[str, int]) -> str:
    """The first module that takes an unbiased variance of one number a channel; "" for none.

    It divides by n - 1. Sizes are those of a batch.
    """
    for block in program.blocks.values():
        if block.kind != "polydl:BatchNorm@1" or not block.config["unbiased"]:
            continue
        if evaluate(product(block.inputs[0].shape[:-1]), sizes) == 1:
            return name_of(block)
    return ""


def _of_both_modes(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        if node.op != "when_training":
            for region in node.regions:
                yield from _of_both_modes(region.nodes)
