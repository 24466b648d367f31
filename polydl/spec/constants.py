"""Which values of a Block being traced have no derivative."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from polydl.program.types import Constant, Entry, Node, Operand

_FLAT = frozenset({"stop_gradient", "sign", "floor", "ceil", "round", "trunc"})


def has_derivative(operand: Operand, nodes: Iterable[Node], entries: Mapping[str, Entry]) -> bool:
    """Whether a value may depend on parameters or inputs in a way that is differentiated.

    nodes: all of the Block so far, in order, with those of regions before what holds the regions.
    """
    found: dict[int, bool] = {}

    def of(given: Operand) -> bool:  # what no node made is an input
        return not isinstance(given, Constant) and found.get(given.id, given.dtype == "float")

    for node in nodes:
        if node.op == "read":
            given = entries[node.attributes["entry"]].role == "parameter"
        elif node.regions:
            given = any(of(output) for region in node.regions for output in region.outputs)
        else:
            given = node.op == "call" or any(map(of, node.operands))
        for value in node.outputs:
            found[value.id] = given and value.dtype == "float" and node.op not in _FLAT
    return of(operand)
