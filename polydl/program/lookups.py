"""Which integer inputs of a Program are looked up in something, and in how many rows.

Inside a program an index out of range takes the nearest row. An input that reaches a gather as it is,
or through views of it, can be checked on the host before. What a model computes of an input (clips
it, adds an offset) is its own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polydl.program.sizes import AnySize, evaluate
from polydl.program.types import Block, Node, Operand, Program, Value

Sizes = Mapping[str, int]

# operation: (operand that indexes, attribute with the axis it indexes); the rows are operand 0's
GATHERS = {"take": (1, "axis"), "take_along_axis": (1, "axis"), "scatter_add": (1, None)}

_VIEWS: dict[str, Callable[[np.ndarray, Mapping[str, Any], Sizes], np.ndarray]] = {
    "reshape": lambda x, a, sizes: x.reshape(_shape(a, sizes)),
    "transpose": lambda x, a, sizes: x.transpose(a["axes"]),
    "broadcast_to": lambda x, a, sizes: np.broadcast_to(x, _shape(a, sizes)),
    "flip": lambda x, a, sizes: np.flip(x, a["axis"]),
    "index": lambda x, a, sizes: x[
        tuple(part if isinstance(part, int) else slice(*part) for part in a["index"])
    ],
}


def _shape(attributes: Mapping[str, Any], sizes: Sizes) -> tuple[int, ...]:
    return tuple(evaluate(size, sizes) for size in attributes["shape"])


@dataclass(frozen=True)
class Seen:
    """What a value holds: the elements of one input, seen through views, and nothing else of it.

    in_place: they stand where the views put them; otherwise (in a step of a scan, or joined with
    others) a further slice would take some that are not known.
    """

    input: int
    views: tuple[Node, ...] = ()
    in_place: bool = True

    def elements(self, array: np.ndarray, sizes: Sizes) -> np.ndarray:
        """Those of an array given for the input."""
        for node in self.views:
            array = _VIEWS[node.op](array, node.attributes, sizes)
        return array


_Known = dict[int, tuple[Seen, ...]]  # by the ids of a Block's values


@dataclass(frozen=True)
class Lookup:
    """An input's elements looked up among `rows`. where: the module that does it."""

    seen: Seen
    rows: AnySize
    where: str


def find_lookups(program: Program) -> tuple[Lookup, ...]:
    """All lookups that happen in both modes."""
    root = program.root
    known: _Known = {v.id: (Seen(i),) for i, v in enumerate(root.inputs) if v.dtype == "int"}
    found: dict[Lookup, None] = {}
    _Search(program, found).block(root, known, name_of(root))
    return tuple(found)


def indexed(node: Node) -> tuple[Operand, AnySize]:
    """What indexes in a gather, and among how many rows."""
    indices, axis = GATHERS[node.op]
    table = node.operands[0]
    assert isinstance(table, Value)
    return node.operands[indices], table.shape[node.attributes.get(axis, 0) if axis else 0]


def name_of(block: Block) -> str:
    """For errors."""
    return f"{block.path or 'the model'} ({block.class_name})"


@dataclass
class _Search:
    program: Program
    found: dict[Lookup, None]

    def block(self, block: Block, known: _Known, where: str) -> list[tuple[Seen, ...]]:
        """Follow a Block's inputs; what its outputs hold."""
        self.nodes(block.nodes, known, where)
        return [_held(output, known) for output in block.outputs]

    def nodes(self, nodes: Sequence[Node], known: _Known, where: str) -> None:
        for node in nodes:
            held = [_held(operand, known) for operand in node.operands]
            if not any(held):
                continue
            self.lookup(node, held, where)
            for value, seen in zip(node.outputs, self.results(node, held, known, where)):  # noqa: B905
                known[value.id] = seen

    def lookup(self, node: Node, held: Sequence[tuple[Seen, ...]], where: str) -> None:
        if node.op not in GATHERS:
            return
        _, rows = indexed(node)
        places = held[GATHERS[node.op][0]]
        self.found.update(dict.fromkeys(Lookup(seen, rows, where) for seen in places))

    def results(
        self, node: Node, held: list[tuple[Seen, ...]], known: _Known, where: str
    ) -> list[tuple[Seen, ...]]:
        """What a node's outputs hold, as far as that is known."""
        if node.op in _VIEWS:
            return [tuple(_viewed(seen, node) for seen in held[0] if _stays(seen, node))]
        if node.op == "concatenate":
            return [tuple(replace(seen, in_place=False) for part in held for seen in part)]
        if node.op == "call":
            called = self.program.blocks[node.attributes["block"]]
            inner = {v.id: seen for v, seen in zip(called.inputs, held, strict=True)}
            return self.block(called, inner, name_of(called) if called.is_module else where)
        if node.op in ("scan", "remat"):
            first = node.attributes.get("carries", 0)  # which change from step to step
            (region,) = node.regions
            for value, seen in list(zip(region.inputs, held, strict=False))[first:]:
                scanned = node.op == "scan"
                known[value.id] = tuple(
                    replace(each, in_place=each.in_place and not scanned) for each in seen
                )
            self.nodes(region.nodes, known, where)
        return []


def _held(operand: Operand, known: _Known) -> tuple[Seen, ...]:
    return known.get(operand.id, ()) if isinstance(operand, Value) else ()


def _stays(seen: Seen, node: Node) -> bool:
    return seen.in_place or node.op != "index"


def _viewed(seen: Seen, node: Node) -> Seen:
    return replace(seen, views=(*seen.views, node)) if seen.in_place else seen
