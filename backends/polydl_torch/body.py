"""The statements of an nn.Module's method."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code
from polydl.emission.liveness import Use
from polydl.emission.units import Unit
from polydl.program.types import Constant, Node

# results are new tensors, and a derivative needs no operand
_ALWAYS_FRESH = frozenset(
    "add subtract greater greater_equal less less_equal equal not_equal update_slice".split()
)
# so are these with a number
_FRESH_WITH_NUMBER = frozenset("multiply divide maximum minimum".split())


class TorchBody(Body):
    """Buffers are changed in place, so one that may change while it is in use is copied first."""

    def _expression(self, node: Node) -> Code:
        code = super()._expression(node)
        return Code(f"{code.atom}.clone()") if self._is_aliased(node) else code

    def _is_aliased(self, node: Node) -> bool:
        """Whether a read gives the buffer itself to something that a later write would disturb."""
        if node.op != "read":
            return False
        path = node.attributes["entry"]
        written = _writing_modes(self.emitter.units.owner(path), path)
        if not written:
            return False
        if not self.liveness.is_inlined(node.output):
            return True
        uses = self.liveness.uses[node.output.id]
        return any(
            len(self.liveness.sides[use.body] | modes) < 2 and not _is_fresh(use)
            for use in uses
            for modes in written
        )


def _is_fresh(use: Use) -> bool:
    if use.node is None:
        return False
    number = any(isinstance(operand, Constant) for operand in use.node.operands)
    op = use.node.op
    return op == "write" or op in _ALWAYS_FRESH or (op in _FRESH_WITH_NUMBER and number)


def _writing_modes(owner: Unit, entry: str) -> set[frozenset[int]]:
    """For each write of an entry, which its own module does, the modes that it is limited to."""
    found: set[frozenset[int]] = set()

    def visit(nodes: tuple[Node, ...], sides: frozenset[int]) -> None:
        for node in nodes:
            if node.op == "write" and node.attributes["entry"] == entry:
                found.add(sides)
            for side, region in enumerate(node.regions):
                visit(region.nodes, sides | ({side} if node.op == "when_training" else set()))

    for block in owner.blocks:
        visit(block.nodes, frozenset())
    return found
