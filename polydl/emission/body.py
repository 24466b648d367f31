"""A Block's nodes as the statements of a function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from polydl.emission import regions
from polydl.emission.code import ATOM, INDENT, Code, Option, Slots, assignments, literal_text
from polydl.emission.liveness import Liveness
from polydl.emission.naming import unique
from polydl.emission.sizes import SizeWriter, UnboundSymbol
from polydl.program.types import Block, Constant, Node, Operand, Region, Value, values_of

if TYPE_CHECKING:
    from polydl.emission.emitter import Emitter
    from polydl.emission.units import Unit


class Body:
    """Writes one Block. `lines` holds statements with slot markers, unindented at the top level."""

    def __init__(
        self, emitter: Emitter, unit: Unit, block: Block, slots: Slots, reserved: set[str]
    ):
        self.emitter, self.unit, self.block, self.slots = emitter, unit, block, slots
        self.reserved = reserved
        self.marker = len(slots.slots)
        self.kept: set[int] = set(emitter.kept_values(unit, block))
        self.producers: dict[int, Node] = {}
        self.prologue: set[str] = set()
        self.symbol_names: dict[str, str] = {}
        split = self._settle()
        for value in split[:-1]:  # which the ones after it may have made needless
            self.kept.remove(value)
            if not self._fits():
                self.kept.add(value)
        if len(split) > 1:
            self._attempt()

    def _settle(self) -> list[int]:
        """Write until no line is too long; the values that got statements of their own for it."""
        split: list[int] = []
        while True:
            try:
                self._attempt()
                return split
            except UnboundSymbol as error:
                self.prologue.add(error.symbol)
            except _TooLong as error:
                self.kept.add(error.value)
                split.append(error.value)

    def _fits(self) -> bool:
        try:
            self._attempt()
        except (UnboundSymbol, _TooLong):
            return False
        return True

    def _attempt(self) -> None:
        """Write all statements, from the start."""
        effects = self.emitter.effects
        self.liveness = Liveness(
            self.block, effects.has_effects, effects.state_of, frozenset(self.kept)
        )
        self.holders: dict[str, list[Value]] = {}
        self.bound: dict[str, Value] = {}
        self.names: dict[int, str] = {}
        self.planned: dict[int, str] = {}
        self.preferred: dict[int, str] = {}
        self.results: dict[int, Code] = {}  # what is returned, and written there
        self.fixed: set[str] = set()
        self.used: set[str] = set()
        self.symbol_names = {}
        del self.slots.slots[self.marker :]
        self._write()

    def _write(self) -> None:
        self.arguments = [self.bind(value, value.name or "x", 0) for value in self.block.inputs]
        self.lines = self._symbols()
        regions.prefer_carries(self)
        self.statements(self.block.nodes, self.lines, 0)
        results = [self.code(output) for output in self.block.outputs]
        self.check_length(f"return {results[0].text}", 0, self._returned())
        self.lines += self.emitter.returns(self, results)

    def _returned(self) -> list[Value]:
        """What the expressions that are returned are made of."""
        found: list[Value] = []
        for output in values_of(self.block.outputs):
            named = output.id in self.names
            found += [output] if named else values_of(self.producers[output.id].operands)
        return found

    @property
    def margin(self) -> int:
        """How many levels the statements are indented by: those of a method, or of a function."""
        return 2 if self.unit.is_module else 1

    @property
    def local_names(self) -> set[str]:
        return self.used

    # sizes

    def _symbols(self) -> list[str]:
        """`batch = x.shape[0]` for symbols that no live name's shape would tell later."""
        lines: list[str] = []
        for symbol in sorted(self.prologue):
            code = SizeWriter(self).size_symbol(symbol)
            name = unique(symbol, {*self.reserved, *self.holders})
            self.holders[name] = []
            self.used.add(name)
            self.symbol_names[symbol] = name
            lines.append(f"{name} = {code.text}")
        return lines

    @property
    def sizes(self) -> SizeWriter:
        return SizeWriter(self)

    def literal(self, value: Any, hint: str, option: Option | None = None) -> str:
        return self.slots.literal(value, hint, option)

    # names

    def bind(self, value: Value, hint: str, index: int, until: int | None = None) -> str:
        """A name for `value`: its author's, unless a value that is still needed holds it."""
        name = self.planned.get(value.id)
        if name is None:
            hint = self.preferred.get(value.id, hint)
            name = self.free(hint, index if until is None else until)
        self.hold(name, value)
        return name

    def free(self, hint: str, limit: int) -> str:
        """A name that nothing holds which is needed after the statement of an index."""
        busy = {
            name
            for name, holders in self.holders.items()
            if any(self.liveness.last_use.get(v.id, 0) > limit for v in holders)
            or name in self.symbol_names.values()
        }
        return unique(hint, busy | self.reserved | self.fixed)

    def hold(self, name: str, value: Value) -> None:
        """From here on the name is the value's."""
        self.holders.setdefault(name, []).append(value)
        self.used.add(name)
        self.bound[name] = value
        self.names[value.id] = name

    def _hint(self, node: Node, value: Value) -> str:
        if value.name:
            return value.name
        target = self._target(node, value)
        if target:
            return target
        if node.op == "call":
            block = self.emitter.program.blocks[node.attributes["block"]]
            passed = [v for v in values_of(node.operands) if v.name]
            return passed[0].name if passed and block.is_module else "y"
        if node.op == "read":
            return node.attributes["entry"].split(".")[-1]
        if node.op == "when_training":
            for region in node.regions:
                for output in values_of(region.outputs):
                    if output.id in self.names:
                        return self.names[output.id]
        if node.op == "transpose":
            return next((v.name for v in values_of(node.operands) if v.name), "y")
        return _HINTS.get(node.op, "y")

    def _target(self, node: Node, value: Value) -> str:
        """The author's name for what an unnamed value is on the way to, if that is free here.

        `x = norm(x); x = relu(x)` for the author's `x = relu(norm(x))`.
        """
        if node.op in _HINTS or node.op in ("read", "when_training"):
            return ""
        index, current = self.liveness.index[id(node)], value
        while not current.name:
            uses = self.liveness.uses.get(current.id, [])
            if len(uses) != 1 or uses[0].node is None or len(uses[0].node.outputs) != 1:
                return ""
            current = uses[0].node.output
        holders = self.holders.get(current.name, [])
        free = all(self.liveness.last_use.get(v.id, 0) <= index for v in holders)
        return current.name if free else ""

    # expressions

    def code(self, operand: Operand, hint: str = "value") -> Code:
        """A name, a literal, or the expression of a value that is written where it is used."""
        if isinstance(operand, Constant):
            value = operand.value
            if isinstance(value, bool):
                return Code(literal_text(value))
            marker = self.slots.literal(value, hint)
            return Code(marker, ATOM)
        if operand.id in self.results:
            return self.results[operand.id]
        if operand.id in self.names:
            return Code(self.names[operand.id])
        return self._expression(self.producers[operand.id])

    def places(self, operand: Operand, indices: Code) -> Code:
        """The text of indices; the list itself, of ints that are written where they are used."""
        if isinstance(operand, Value) and operand.id not in {*self.results, *self.names}:
            node = self.producers[operand.id]
            if node.op == "constant":
                return Code(str(list(node.attributes["values"])), ATOM)
        return indices

    def _expression(self, node: Node) -> Code:
        if node.op == "read":
            return self.emitter.read(self.unit, node.attributes["entry"])
        hint = _LITERAL_HINTS.get(node.op, "value")
        arguments = [self.code(operand, hint) for operand in node.operands]
        if node.op == "call":
            return self.emitter.call(self, node, arguments)
        return self.emitter.primitive(self, node, arguments)

    # statements

    def is_result(self, node: Node, value: Value) -> bool:
        """Whether a value is all that the Block gives, and its node the last."""
        outputs = self.block.outputs
        used_once = len(self.liveness.uses.get(value.id, ())) == 1
        return used_once and outputs == (value,) and self.block.nodes[-1] is node

    def statements(self, nodes: Sequence[Node], lines: list[str], depth: int) -> None:
        position = 0
        while position < len(nodes):
            node = nodes[position]
            for value in node.outputs:
                self.producers[value.id] = node
            count = self.emitter.loop_length(self, nodes, position)
            if count > 1:
                self._loop(nodes[position : position + count], lines, depth)
                position += count
                continue
            position += 1
            if len(node.outputs) == 1 and self.liveness.is_inlined(node.output):
                continue
            self._statement(node, lines, depth)

    def _statement(self, node: Node, lines: list[str], depth: int) -> None:
        indent = INDENT * depth
        index = self.liveness.index[id(node)]
        if node.op == "when_training":
            self._choice(node, lines, depth)
            return
        if node.regions:
            regions.write(self, node, lines, depth)
            return
        if node.op == "write":
            text = self.emitter.write(
                self.unit, node.attributes["entry"], self.code(node.operands[0])
            )
            lines.append(f"{indent}{text}")
            return
        expression = self._expression(node)
        names = [self.bind(v, self._hint(node, v), index) for v in node.outputs]
        line = f"{indent}{', '.join(names)} = {expression.text}"
        self.check_length(line, depth, values_of(node.operands))
        lines.append(line)

    def check_length(self, line: str, depth: int, operands: Iterable[Value]) -> None:
        """Give the longest nested expression a statement of its own where a line is too long."""
        excess = len(self.slots.filled(line)) + self.margin * len(INDENT) - self.emitter.line_length
        if excess <= 0:
            return
        nested = [v for v in operands if v.id not in self.names]
        nested = [v for v in nested if self.producers[v.id].op != "read"]
        if not nested:
            return
        longest = max(nested, key=lambda v: len(self.code(v).text))
        enough = (v for v in nested if len(self.slots.filled(self.code(v).text)) > excess)
        longest = self._innermost(next(enough, longest))  # the first, to keep the order of reading
        inner = self.producers[longest.id]
        if any(v.id not in self.names for v in values_of(inner.operands)) or len(nested) > 1:
            raise _TooLong(longest.id)
        if len(self.code(longest).text) > self.emitter.line_length // 3:
            raise _TooLong(longest.id)

    def _innermost(self, value: Value) -> Value:
        """The innermost expression that makes another one long."""
        while True:
            operands = values_of(self.producers[value.id].operands)
            nested = [v for v in operands if v.id not in self.names and v.id in self.producers]
            nested = [v for v in nested if self.producers[v.id].op != "read"]
            length = 0.6 * len(self.code(value).text)
            long = [v for v in nested if len(self.code(v).text) >= max(length, _WORTH_A_LINE)]
            if len(long) != 1:
                return value
            value = long[0]

    def _loop(self, nodes: Sequence[Node], lines: list[str], depth: int) -> None:
        """`for block in self.blocks: x = block(x)`."""
        indent = INDENT * depth
        first, last = nodes[0], nodes[-1]
        start, *others = first.operands
        assert isinstance(start, Value)
        code = self.code(start)
        index = self.liveness.index[id(last)]
        hint = last.output.name or start.name or "x"
        carried = self.bind(last.output, hint, index)
        if code.text != carried:
            lines.append(f"{indent}{carried} = {code.text}")
        arguments = [Code(carried), *map(self.code, others)]
        header, call = self.emitter.loop(self, nodes, arguments)
        lines.append(f"{indent}{header}")
        lines.append(f"{indent}{INDENT}{carried} = {call.text}")

    def _choice(self, node: Node, lines: list[str], depth: int) -> None:
        """`if self.training: ... else: ...`, leaving out a side with nothing to do."""
        index, end = self.liveness.index[id(node)], self.liveness.end[id(node)]
        until = end if len(node.outputs) == 1 else index
        before = dict(self.bound)
        targets = [self.bind(v, self._hint(node, v), index, until) for v in node.outputs]
        sides, kept = [], before
        for region in node.regions:
            self.bound = dict(before)
            sides.append(self._side(region, targets, depth + 1))
            kept = {name: v for name, v in kept.items() if self.bound.get(name) is v}
        self.bound = {**kept, **dict(zip(targets, node.outputs, strict=True))}
        conditions = [self.emitter.training_condition, self.emitter.inference_condition]
        order = (1, 0) if self.emitter.inference_first else (0, 1)
        told = [(conditions[i](self), sides[i]) for i in order if sides[i]]
        indent = INDENT * depth
        if told:
            condition, first = told[0]
            lines += [f"{indent}if {condition}:", *first]
        if len(told) > 1:
            lines += [f"{indent}else:", *told[1][1]]

    def _side(self, region: Region, targets: list[str], depth: int) -> list[str]:
        lines: list[str] = []
        made = {v.id: node for node in region.nodes for v in node.outputs}
        for target, output in zip(targets, region.outputs, strict=True):
            node = made.get(output.id) if isinstance(output, Value) else None
            if node is not None and not self.liveness.is_inlined(output):  # type: ignore[arg-type]
                index = self.liveness.index[id(node)]
                holders = [v for v in self.holders[target] if self.names.get(v.id) == target]
                last = max((self.liveness.last_use.get(v.id, 0) for v in holders[:-1]), default=0)
                if last <= index:
                    self.planned[output.id] = target  # type: ignore[union-attr]
        self.statements(region.nodes, lines, depth)
        results = [self.code(output).text for output in region.outputs]
        indent = INDENT * depth
        return [*lines, *(indent + line for line in assignments(targets, results))]


_WORTH_A_LINE = 40  # characters


class _TooLong(Exception):  # noqa: N818
    """A line is too long because this value is written inside it."""

    def __init__(self, value: int):
        self.value = value


# what a literal would be called as an argument
_LITERAL_HINTS = {
    "add": "offset",
    "divide": "divisor",
    "greater": "threshold",
    "less": "threshold",
    "multiply": "factor",
    "power": "exponent",
}
# what an unnamed value is called
_HINTS = {
    "mean": "mean",
    "sum": "total",
    "max": "largest",
    "argmax": "index",
    "random_bits": "bits",
    "arange": "position",
}
