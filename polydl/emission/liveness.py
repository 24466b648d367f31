"""Which values of a Block are written into the expression that uses them, and how long others live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from polydl.program.types import Block, Node, Operand, Value, values_of

MAX_DEPTH = 4  # operations nested in one expression
MAX_RESULT_DEPTH = 6  # in what is returned


@dataclass(frozen=True)
class Use:
    """Where a value is used: the using node, or None for the outputs of a body."""

    index: int
    body: int
    node: Node | None


@dataclass(frozen=True)
class Touched:
    """State, by canonical path, that a node reads and writes."""

    read: frozenset[str]
    written: frozenset[str]


NOTHING = Touched(frozenset(), frozenset())


class Liveness:
    """Order, uses and lifetimes of the values of one Block.

    Every node has an index in reading order; the end of every body (the Block's, each region's) has
    one too. `statement_index` of a node that is written inside another is that of the other.
    """

    def __init__(
        self,
        block: Block,
        has_effects: Callable[[Node], bool],
        state_of: Callable[[Node], Touched],
        kept: frozenset[int] = frozenset(),
    ):
        self.kept = kept  # values that get a statement of their own, because lines grew too long
        self.index: dict[int, int] = {}  # id(node) -> index
        self.end: dict[int, int] = {}  # id(body's first list) -> index of its end
        self.uses: dict[int, list[Use]] = {}
        self.inlined: set[int] = set()  # ids of values
        self.last_use: dict[int, int] = {}
        self._body_of: dict[int, int] = {}  # id of value -> body; 0 for a Block's inputs
        self._holder: dict[int, tuple[int, Node]] = {}  # body -> the body and node that hold it
        self.sides: dict[int, frozenset[int]] = {0: frozenset()}  # body -> modes it runs in
        self._single: set[int] = set()  # bodies of functions with one result
        self._state: list[tuple[int, int, Touched]] = []  # index and body of what has state
        self._held: dict[int, list[Node]] = {}  # id of value -> nodes with state in its expression
        self._effects: list[int] = []
        self._order: list[Node] = []
        self._has_effects, self._state_of = has_effects, state_of
        self._count = 0
        self._bodies = 0
        self._number(block.nodes, block.outputs)
        self._choose()
        self._live()

    def _number(self, nodes: tuple[Node, ...], outputs: tuple[Operand, ...]) -> int:
        body = self._bodies
        self._bodies += 1
        holder = self._holder.get(body)
        if len(outputs) == 1 and (holder is None or holder[1].op != "when_training"):
            self._single.add(body)
        for node in nodes:
            index = self.index[id(node)] = self._tick()
            self._order.append(node)
            for value in values_of(node.operands):
                self.uses.setdefault(value.id, []).append(Use(index, body, node))
            for value in node.outputs:
                self._body_of[value.id] = body
            if (touched := self._state_of(node)) is not NOTHING:
                self._state.append((index, body, touched))
            if self._has_effects(node):
                self._effects.append(index)
            for side, region in enumerate(node.regions):
                chosen = {side} if node.op == "when_training" else set()
                self.sides[self._bodies] = self.sides[body] | chosen
                self._holder[self._bodies] = body, node
                self._body_of.update(dict.fromkeys((v.id for v in region.inputs), self._bodies))
                self._number(region.nodes, region.outputs)
            self.end[id(node)] = self._tick()
        end = self._tick()
        for value in values_of(outputs):
            self.uses.setdefault(value.id, []).append(Use(end, body, None))
        return end

    def _tick(self) -> int:
        self._count += 1
        return self._count

    def _choose(self) -> None:
        depth: dict[int, int] = {}
        for node in self._order:
            if len(node.outputs) != 1 or node.regions:
                continue
            value = node.output
            uses = self.uses.get(value.id, [])
            if node.op == "read":
                if uses and not any(self._passes_state(node, use) for use in uses):
                    self.inlined.add(value.id)
                    self._held[value.id] = [node]
                    depth[value.id] = 0
                continue
            if value.id in self.kept or len(uses) != 1 or uses[0].body != self._body_of[value.id]:
                continue
            is_result = uses[0].node is None and uses[0].body in self._single
            if value.name and not is_result:
                continue
            nested = 1 + max((depth.get(v.id, 0) for v in values_of(node.operands)), default=0)
            if nested > (MAX_RESULT_DEPTH if is_result else MAX_DEPTH):
                continue
            held = [node, *(n for v in values_of(node.operands) for n in self._held.get(v.id, []))]
            if self._passes_effect(held, uses[0]) or any(
                self._passes_state(n, uses[0]) for n in held
            ):
                continue
            self.inlined.add(value.id)
            self._held[value.id] = [n for n in held if self._matters(n)]
            depth[value.id] = nested

    def _matters(self, node: Node) -> bool:
        """Whether it matters when a node runs."""
        return self._state_of(node) is not NOTHING or self._has_effects(node)

    def _passes_state(self, node: Node, use: Use) -> bool:
        """Whether something between a node and a use of it writes what it reads, or the reverse."""
        own = self._state_of(node)
        if own is NOTHING:
            return False
        start = self.index[id(node)]
        return any(
            start < index < use.index
            and (own.read & other.written or own.written & (other.read | other.written))
            and len(self.sides[body] | self.sides[use.body]) < 2  # 2: never in one run
            for index, body, other in self._state
        )

    def _passes_effect(self, held: Sequence[Node], use: Use) -> bool:
        """Whether an effect between an expression's nodes and its use is not of the expression."""
        own = {self.index[id(node)] for node in held}.intersection(self._effects)
        return bool(own) and any(
            min(own) < other < use.index for other in self._effects if other not in own
        )

    def _held_until(self, identity: int, body: int) -> int:
        """The end of the outermost function or loop around a use that a value comes into.

        A loop uses it again in the next iteration; and in a function its name is not another's.
        """
        end, made_in = 0, self._body_of.get(identity, 0)
        while body != made_in:
            body, node = self._holder[body]
            if node.op != "when_training":
                end = self.end[id(node)]
        return end

    def _live(self) -> None:
        for identity, uses in self.uses.items():
            ends = [self._held_until(identity, use.body) for use in uses]
            self.last_use[identity] = max(ends, default=0)
        statement: dict[int, int] = {}
        for node in reversed(self._order):
            index = self.index[id(node)]
            if len(node.outputs) == 1 and node.output.id in self.inlined:
                uses = self.uses[node.output.id]
                index = max(
                    use.index if use.node is None else statement[id(use.node)] for use in uses
                )
            statement[id(node)] = index
            for value in values_of(node.operands):
                self.last_use[value.id] = max(self.last_use.get(value.id, 0), index)
        for identity, uses in self.uses.items():
            ends = [use.index for use in uses if use.node is None]
            if ends:
                self.last_use[identity] = max(self.last_use.get(identity, 0), *ends)

    def is_inlined(self, value: Value) -> bool:
        return value.id in self.inlined
