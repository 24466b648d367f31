"""What of a Block of single numbers gets a statement, and in which side of which `if` it stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from polydl.emission.scalar_operators import TRANSPARENT
from polydl.program.types import Block, Node, Operand, Value, values_of

MAX_DEPTH = 4  # operations nested in one expression
MAX_RESULT_DEPTH = 6  # in what is returned
MAX_TERMS = 16  # of a sum, that count as one operation more
_SHORT = 2  # operations in a side of a conditional expression


@dataclass(eq=False)
class Scope:
    """Lines that run together: a function's, or one side of an `if`."""

    parent: Scope | None = None
    depth: int = 0
    nodes: list[Node] = field(default_factory=list)  # statements, last first
    holders: dict[str, int] = field(default_factory=dict)  # the value that each name holds

    def inner(self) -> Scope:
        return Scope(self, self.depth + 1)

    def joined(self, other: Scope) -> Scope:
        """The innermost scope around both."""
        one: Scope = self
        while one is not other:
            if one.depth < other.depth:
                one, other = other, one
            assert one.parent is not None
            one = one.parent
        return one

    def visible(self) -> dict[str, int]:
        """The value that each name holds here."""
        return self.holders if self.parent is None else {**self.parent.visible(), **self.holders}


class Plan:
    """How a Block is written. kept: values (by id) that get a statement for a line too long."""

    def __init__(self, block: Block, kept: Collection[int]):
        self.block = block
        self.producers = {v.id: node for node in block.nodes for v in node.outputs}
        self._measure()
        self._choose(kept)
        self._place()

    def operands(self, node: Node) -> list[Operand]:
        return [self.resolved(operand) for operand in node.operands]

    def resolved(self, operand: Operand) -> Operand:
        """What stands for an operand in the text: Python converts to floats by itself."""
        while isinstance(operand, Value):
            node = self.producers.get(operand.id)
            if node is None or not is_transparent(node):
                break
            operand = node.operands[0]
        return operand

    def _measure(self) -> None:
        """How often values are used, and how deep their expressions are."""
        (result,) = self.block.outputs
        self.result = self.resolved(result)
        self.sizes: dict[int, int] = {}  # operations in an expression, the shared ones left out
        self.nodes: list[Node] = []  # what the result depends on, last first
        needed = {self.result.id} if isinstance(self.result, Value) else set()
        for node in reversed(self.block.nodes):
            if node.output.id in needed and not is_transparent(node):
                self.nodes.append(node)
                needed |= {x.id for x in self.operands(node) if isinstance(x, Value)}
        self.users: dict[int, list[Node]] = {}
        for node in self.nodes:
            for value in values_of(tuple(self.operands(node))):
                self.users.setdefault(value.id, []).append(node)
        self.uses = {value: len(users) for value, users in self.users.items()}
        for value in values_of((self.result,)):
            self.uses[value.id] = self.uses.get(value.id, 0) + 1
        for node in reversed(self.nodes):
            own = self._made_once(self.operands(node))
            self.sizes[node.output.id] = 1 + sum(self.sizes[value] for value in own)

    def _made_once(self, operands: list[Operand]) -> list[int]:
        """The values (by id) that a node computes for these alone."""
        made = [x.id for x in operands if isinstance(x, Value) and x.id in self.producers]
        return [value for value in made if self.uses[value] == 1]

    def _choose(self, kept: Collection[int]) -> None:
        """Which choices are statements, which values end a scope, which have statements."""
        self.ends = set(self._made_once([self.result]))  # values written where a scope ends
        self.choices: set[int] = set()  # values of `where` that are written as if and else
        for node in self.nodes:
            if node.op != "where":
                continue
            value, sides = node.output, self.operands(node)[1:]
            own = self._made_once(sides)
            if value.id in self.ends or any(self.sizes[side] > _SHORT for side in own):
                self.choices.add(value.id)
                self.ends |= set(own)
        self.bound: set[int] = set()
        repeated = {x.id for n in self.nodes if n.op == "sign" for x in values_of(n.operands)}
        depth: dict[int, float] = {}
        for node in reversed(self.nodes):
            value = node.output
            nested = max([0.0, *(self._depth(depth, node, x) for x in self.operands(node))])
            if value.id in self.ends and (value.id in self.choices or nested <= MAX_RESULT_DEPTH):
                pass
            elif (
                value.id in self.choices
                or value.id in kept
                or self.uses[value.id] > 1
                or value.id in repeated
                or (value.name and nested > 1 and not self._goes_on(node))
                or nested > MAX_DEPTH
            ):
                self.bound.add(value.id)
                nested = 0
            depth[value.id] = nested

    def _depth(self, depth: dict[int, float], node: Node, operand: Operand) -> float:
        """How deep an operand makes a node's expression; a sum of many is little deeper than of two."""
        if not isinstance(operand, Value) or operand.id not in self.producers:
            return 1
        same = self.producers[operand.id].op == node.op == "add"
        return depth[operand.id] + (1 / MAX_TERMS if same and depth[operand.id] else 1)

    def _goes_on(self, node: Node) -> bool:
        """Whether a value is but a step on the way to the next of its name: a sum's part."""
        users = self.users.get(node.output.id, ())
        return all(x.op == node.op and x.output.name == node.output.name for x in users)

    def _place(self) -> None:
        """The scope of every statement: the innermost one around all that use its value."""
        self.root = Scope()
        self.sides: dict[int, tuple[Scope, Scope]] = {}
        used: dict[int, Scope] = {}

        def use(operand: Operand, scope: Scope) -> None:
            if isinstance(operand, Value):
                before = used.get(operand.id)
                used[operand.id] = scope if before is None else before.joined(scope)

        use(self.result, self.root)
        for node in self.nodes:
            value = node.output
            scope = used[value.id]
            if value.id in self.bound:
                scope.nodes.append(node)
            operands = self.operands(node)
            scopes = [scope] * len(operands)
            if value.id in self.choices:
                self.sides[value.id] = scope.inner(), scope.inner()
                scopes = [scope, *self.sides[value.id]]
            for operand, where in zip(operands, scopes, strict=True):
                use(operand, where)


def is_transparent(node: Node) -> bool:
    """Whether there is nothing to write: Python converts ints to floats, and bools to ints."""
    if node.op != "astype":
        return node.op in TRANSPARENT
    (given,) = values_of(node.operands)
    return node.attributes["dtype"] == "float" or given.dtype == "bool"
