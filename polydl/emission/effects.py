"""What nodes do besides giving values: state they touch, random numbers they draw."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from polydl.emission.liveness import NOTHING, Touched
from polydl.program.regions import Reach
from polydl.program.types import Node, Program, walk


class Effects:
    """Answers for the nodes of one Program, and remembers them for the Blocks they call."""

    def __init__(self, program: Program):
        self.program = program
        self._found: dict[str, bool] = {}
        self._state: dict[str, Touched] = {}
        self._draws = Reach(program.blocks, "random_bits")
        self._writes = Reach(program.blocks, "write")

    @cached_property
    def _looped(self) -> set[int]:
        """Nodes (by id) that a loop runs."""
        found: set[int] = set()
        seen: set[str] = set()

        def visit(nodes: Iterable[Node], looped: bool) -> None:
            for node in nodes:
                if looped:
                    found.add(id(node))
                for region in node.regions:
                    visit(region.nodes, looped or node.op == "scan")
                if looped and node.op == "call" and (key := node.attributes["block"]) not in seen:
                    seen.add(key)
                    visit(self.program.blocks[key].nodes, True)

        for block in self.program.blocks.values():
            visit(block.nodes, False)
        return found

    def is_looped(self, node: Node) -> bool:
        """Whether a node stands in a loop, or in what a loop calls."""
        return id(node) in self._looped

    def has_effects(self, node: Node) -> bool:
        """Whether a node changes state or draws random numbers, itself or in what it calls."""
        if node.op in ("write", "random_bits", "when_training"):
            return True
        if node.regions:
            return any(self.has_effects(inner) for region in node.regions for inner in region.nodes)
        if node.op != "call":
            return False
        key = node.attributes["block"]
        if key not in self._found:
            self._found[key] = False
            nodes = walk(self.program.blocks[key].nodes)
            self._found[key] = any(self.has_effects(inner) for inner in nodes)
        return self._found[key]

    def draws(self, node: Node) -> bool:
        """Whether a node draws random numbers, itself or in what it calls."""
        return self._draws.nodes([node]) is not None

    def writes(self, node: Node) -> bool:
        """Whether a node updates state, itself or in what it calls."""
        return self._writes.nodes([node]) is not None

    def state_of(self, node: Node) -> Touched:
        """The state that a node reads and writes, itself or in what it calls; not in regions."""
        if node.op in ("read", "write"):
            path = node.attributes["entry"]
            if self.program.entries[path].role == "parameter":
                return NOTHING
            found = frozenset({path})
            return Touched(found, frozenset()) if node.op == "read" else Touched(frozenset(), found)
        if node.op != "call":
            return NOTHING
        key = node.attributes["block"]
        if key not in self._state:
            inner = [self.state_of(n) for n in walk(self.program.blocks[key].nodes)]
            read = frozenset().union(*(touched.read for touched in inner))
            written = frozenset().union(*(touched.written for touched in inner))
            self._state[key] = Touched(read, written) if read or written else NOTHING
        return self._state[key]
