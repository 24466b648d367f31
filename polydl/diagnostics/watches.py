"""What else is looked for on the oracle: dead units, infinite derivatives, the order of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polydl.diagnostics.non_finite import Place, place_of
from polydl.diagnostics.objective import Array, Objective
from polydl.program.types import Block, Constant, Node, walk

# where a primitive of one operand is finite and its derivative is not
_SINGULAR = {
    "sqrt": lambda x: x == 0,
    "arcsin": lambda x: abs(x) == 1,
    "arccos": lambda x: abs(x) == 1,
    "arccosh": lambda x: x == 1,
}


@dataclass(frozen=True)
class DeadUnits:
    """Units (indices of the last axis) that a ReLU left at zero for every sample.

    after: path of the layer that gave the ReLU its input, "" where it was none.
    """

    place: Place
    after: str
    units: tuple[int, ...]
    count: int

    def __str__(self) -> str:
        after = f" after {self.after}" if self.after else ""
        shown = ", ".join(map(str, self.units[:10])) + (", ..." if len(self.units) > 10 else "")
        are = "is" if len(self.units) == 1 else "are"
        dead = f"{len(self.units)} of {self.count} units {are} zero for every sample of the batch"
        return f"{self.place}{after}: {dead}: {shown}"


class DeadUnitsWatch:
    """Finds where a module takes the larger of x and 0 and nothing comes through for some unit.

    That is a call of relu or the like, and what a user writes as maximum(x, 0) or where(x > 0, x, 0).
    """

    def __init__(self, objective: Objective):
        self.objective = objective
        self.blocks = objective.program.blocks
        self.alive: dict[tuple[str, int], tuple[Place, str, Array]] = {}

    def __call__(
        self, stack: Sequence[Block], node: Node, operands: list[Array], results: list[Array]
    ) -> list[Array]:
        block, operation = stack[-1], node.op
        if node.op == "call":
            called = self.blocks[node.attributes["block"]]
            operation = called.class_name
            found = not called.is_module and _ends_in_relu(called)
        else:
            found = _is_relu(block, node)
        if found and block.is_module and results[0].ndim > 1:
            (result,) = results
            seen = (result != 0).any(axis=tuple(range(result.ndim - 1)))
            key = block.key, node.output.id
            place = place_of(self.objective, stack, operation, node.output.name)
            if key in self.alive:  # called before
                seen = seen | self.alive[key][2]
            self.alive[key] = place, self._before(block, node), seen
        return results

    def _before(self, block: Block, node: Node) -> str:
        """The layer that gave a node its input."""
        maker = next((n for n in walk(block.nodes) if set(n.outputs) & set(node.operands)), None)
        if maker is None or maker.op != "call":
            return ""
        return self.objective.path(self.blocks[maker.attributes["block"]].path)

    def found(self) -> tuple[DeadUnits, ...]:
        return tuple(
            DeadUnits(place, after, tuple(np.flatnonzero(~alive).tolist()), len(alive))
            for place, after, alive in self.alive.values()
            if not alive.all()
        )


def _ends_in_relu(function: Block) -> bool:
    last = function.nodes[-1]
    return last.outputs == function.outputs and _is_relu(function, last)


def _is_relu(block: Block, node: Node) -> bool:
    if node.op == "maximum":
        return any(isinstance(x, Constant) and x.value == 0 for x in node.operands)
    if node.op != "where":
        return False
    condition, *sides = node.operands
    if sum(isinstance(side, Constant) and side.value == 0 for side in sides) != 1:
        return False
    made = next((n for n in walk(block.nodes) if condition in n.outputs), None)
    if made is None or made.op not in ("less", "less_equal", "greater", "greater_equal"):
        return False
    compared, limit = made.operands
    is_given = compared in sides or compared in block.inputs
    return is_given and isinstance(limit, Constant) and limit.value == 0


@dataclass(frozen=True)
class Singular:
    """An operation that is finite here and whose derivative is not."""

    place: Place
    count: int

    def __str__(self) -> str:
        return f"{self.place}, whose derivative is infinite at {self.count} of its numbers"


class SingularWatch:
    """Finds infinite derivatives of finite values: sqrt at 0, x ** p at 0 for p < 1, arcsin at 1."""

    def __init__(self, objective: Objective):
        self.objective = objective
        self.found: list[Singular] = []

    def __call__(
        self, stack: Sequence[Block], node: Node, operands: list[Array], results: list[Array]
    ) -> list[Array]:
        if node.op == "power":
            bad = np.asarray((operands[0] == 0) & (operands[1] < 1) & (operands[1] > 0))
        elif node.op in _SINGULAR:
            bad = np.asarray(_SINGULAR[node.op](operands[0]))
        else:
            return results
        if bad.any():
            place = place_of(self.objective, stack, node.op, node.output.name)
            self.found.append(Singular(place, int(bad.sum())))
        return results


class ReadsWatch:
    """The order in which a run reads parameters, by the model's paths."""

    def __init__(self, objective: Objective):
        self.objective = objective
        self.paths: dict[str, None] = {}

    def __call__(
        self, stack: Sequence[Block], node: Node, operands: list[Array], results: list[Array]
    ) -> list[Array]:
        if node.op == "read":
            self.paths.setdefault(self.objective.path(node.attributes["entry"]))
        return results
