"""Blocks of single numbers as functions of plain Python, on its own ints and floats.

A choice becomes `if` and `return` where it ends a function, so that only the side that is taken is
computed. Ints do not wrap around as int32 does, and where the oracle has an infinity, as at 1 / 0,
Python raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from polydl.emission import scalar_operators as operators
from polydl.emission.code import INDENT, Code
from polydl.emission.naming import BUILTINS, PYTHON_WORDS, snake_case, unique
from polydl.emission.wrap import LINE_LENGTH, wrap
from polydl.errors import DefinitionError
from polydl.program.types import Block, Constant, Node, Operand, Value, values_of

MAX_DEPTH = 4  # operations nested in one expression
MAX_RESULT_DEPTH = 6  # in what is returned
_SHORT = 2  # operations in a side of a conditional expression
# what an unnamed value is called
_HINTS = {"cos": "cosine", "power": "decay", "where": "rate", "floor": "count"}


def scalar_functions(blocks: Mapping[str, Block], key: str, name: str, docstring: str) -> list[str]:
    """The lines of a function for the Block under `key`, after one for each Block that it calls.

    They need `import math` where "math." is in them. DefinitionError where something in a Block is no
    single number, or has no counterpart in Python.
    """
    names: dict[str, str] = {}
    taken = {name, "math", *BUILTINS, *PYTHON_WORDS}
    lines: list[str] = []
    for called in _called(blocks, key):
        names[called] = unique(snake_case(blocks[called].class_name), taken)
        taken.add(names[called])
        lines += [*_Function(blocks[called], names[called], "", names).lines, "", ""]
    return [*lines, *_Function(blocks[key], name, docstring, names).lines]


def _called(blocks: Mapping[str, Block], key: str) -> list[str]:
    """The Blocks that one calls, each after those that it calls itself."""
    found: dict[str, None] = {}
    for node in blocks[key].nodes:
        if node.op == "call":
            found.update(dict.fromkeys(_called(blocks, node.attributes["block"])))
            found[node.attributes["block"]] = None
    return list(found)


@dataclass(eq=False)
class _Scope:
    """Lines that run together: a function's, or one side of an `if`."""

    parent: _Scope | None = None
    depth: int = 0
    nodes: list[Node] = field(default_factory=list)  # statements, last first
    holders: dict[str, int] = field(default_factory=dict)  # the value that each name holds

    def inner(self) -> _Scope:
        return _Scope(self, self.depth + 1)

    def joined(self, other: _Scope) -> _Scope:
        """The innermost scope around both."""
        one: _Scope = self
        while one is not other:
            if one.depth < other.depth:
                one, other = other, one
            assert one.parent is not None
            one = one.parent
        return one

    def visible(self) -> dict[str, int]:
        """The value that each name holds here."""
        return self.holders if self.parent is None else {**self.parent.visible(), **self.holders}


class _Function:
    """One Block, written."""

    def __init__(self, block: Block, name: str, docstring: str, functions: Mapping[str, str]):
        self.block, self.functions = block, functions
        self.reserved = {name, "math", *functions.values(), *BUILTINS, *PYTHON_WORDS}
        self.producers = {v.id: node for node in block.nodes for v in node.outputs}
        for node in block.nodes:
            self._check(node)
        self._measure()
        self.kept: dict[int, str] = {}  # values that get statements for long lines, and their names
        while (found := self._write()) is not None:
            self.kept.update([found])
        arguments = ", ".join(self.names[value.id] for value in block.inputs)
        described = [f'{INDENT}"""{docstring}"""'] if docstring else []
        lines = [f"def {name}({arguments}):", *described, *self.body]
        self.lines = [part for line in lines for part in wrap(line)]

    def _check(self, node: Node) -> None:
        shaped = any(value.shape for value in node.outputs)
        known = node.op == "call" or node.op in operators.SCALARS or _is_transparent(node)
        if shaped or not known or len(node.outputs) != 1:
            what = "gives an array" if shaped else "has no counterpart there"
            raise DefinitionError(
                f"{self.block.class_name} is computed by Python on single numbers, and "
                f"{node.op!r} {what}. Use arithmetic, dl.where and functions such as dl.ops.cos"
            )

    # what is written where

    def operands(self, node: Node) -> list[Operand]:
        return [self._resolved(operand) for operand in node.operands]

    def _resolved(self, operand: Operand) -> Operand:
        """What stands for an operand in the text: Python converts to floats by itself."""
        while isinstance(operand, Value):
            node = self.producers.get(operand.id)
            if node is None or not _is_transparent(node):
                break
            operand = node.operands[0]
        return operand

    def _measure(self) -> None:
        """How often values are used, and how deep their expressions are."""
        (result,) = self.block.outputs
        self.result = self._resolved(result)
        self.uses: dict[int, int] = {}
        self.sizes: dict[int, int] = {}  # operations in an expression, the shared ones left out
        self.nodes: list[Node] = []  # what the result depends on, last first
        needed = {self.result.id} if isinstance(self.result, Value) else set()
        for node in reversed(self.block.nodes):
            if node.output.id in needed and not _is_transparent(node):
                self.nodes.append(node)
                needed |= {x.id for x in self.operands(node) if isinstance(x, Value)}
        for operand in [self.result, *(x for node in self.nodes for x in self.operands(node))]:
            if isinstance(operand, Value):
                self.uses[operand.id] = self.uses.get(operand.id, 0) + 1
        for node in reversed(self.nodes):
            own = self._made_once(self.operands(node))
            self.sizes[node.output.id] = 1 + sum(self.sizes[value] for value in own)

    def _made_once(self, operands: list[Operand]) -> list[int]:
        """The values (by id) that a node computes for these alone."""
        made = [x.id for x in operands if isinstance(x, Value) and x.id in self.producers]
        return [value for value in made if self.uses[value] == 1]

    def _choose(self) -> None:
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
        depth: dict[int, int] = {}
        for node in reversed(self.nodes):
            value = node.output
            nested = max([0, *(self._depth(depth, node, x) for x in self.operands(node))])
            if value.id in self.ends and (value.id in self.choices or nested <= MAX_RESULT_DEPTH):
                pass
            elif (
                value.id in self.choices
                or value.id in self.kept
                or self.uses[value.id] > 1
                or value.id in repeated
                or (value.name and nested > 1 and not self._goes_on(node))
                or nested > MAX_DEPTH
            ):
                self.bound.add(value.id)
                nested = 0
            depth[value.id] = nested

    def _depth(self, depth: dict[int, int], node: Node, operand: Operand) -> int:
        """How deep an operand makes a node's expression; sums of many are as deep as of two."""
        if not isinstance(operand, Value) or operand.id not in self.producers:
            return 1
        same = self.producers[operand.id].op == node.op == "add"
        return depth[operand.id] + (0 if same and depth[operand.id] else 1)

    def _goes_on(self, node: Node) -> bool:
        """Whether a value is but a step on the way to the next of its name: a sum's part."""
        users = [x for x in self.nodes if node.output in self.operands(x)]
        return all(x.op == node.op and x.output.name == node.output.name for x in users)

    def _place(self) -> None:
        """The scope of every statement: the innermost one around all that use its value."""
        self.root = _Scope()
        self.sides: dict[int, tuple[_Scope, _Scope]] = {}
        used: dict[int, _Scope] = {}

        def use(operand: Operand, scope: _Scope) -> None:
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

    # the text

    def _write(self) -> tuple[int, str] | None:
        """Write all lines; gives a value, and its name, that shortens a line as a statement."""
        self._choose()
        self._place()
        self.names: dict[int, str] = {}
        self.left = dict(self.uses)  # how many uses of a value are still to be written
        for value in self.block.inputs:
            self._hold(self.root, value.name or "x", value)
        self.body: list[str] = []
        self.too_long: tuple[int, str] | None = None
        self._scope(self.root, self.result, "return ", 1)
        return self.too_long

    def _scope(self, scope: _Scope, end: Operand, target: str, level: int) -> None:
        """The statements of a scope, and what it ends with: `return`, or `target = `."""
        while True:
            self._statements(scope, level)
            choice = self._choice_at(end)
            if choice is None:
                self._line(level, target, end)
                return
            if target != "return ":
                self._choice(choice, target, level)
                return
            condition, yes, no = self.operands(choice)
            first, second = self.sides[choice.output.id]
            self._line(level, "if ", condition, ":")
            self._scope(first, yes, target, level + 1)
            scope, end = second, no

    def _choice_at(self, end: Operand) -> Node | None:
        """The choice that a scope ends with, if it does."""
        if not isinstance(end, Value) or end.id not in self.choices or end.id in self.bound:
            return None
        return self.producers[end.id]

    def _choice(self, node: Node, target: str, level: int, word: str = "if ") -> None:
        """`if`, `elif` and `else`, each of which ends in `target`."""
        condition, yes, no = self.operands(node)
        first, second = self.sides[node.output.id]
        self._line(level, word, condition, ":")
        self._scope(first, yes, target, level + 1)
        other = self._choice_at(no)
        if other is not None and not second.nodes:
            self._choice(other, target, level, "elif ")
            return
        self.body.append(f"{INDENT * level}else:")
        self._scope(second, no, target, level + 1)

    def _statements(self, scope: _Scope, level: int) -> None:
        for node in reversed(scope.nodes):
            value = node.output
            hint = self.kept.get(value.id) or self._hint(value)
            if value.id in self.choices:
                first = len(self.body)
                self._choice(node, "\0 = ", level)
                name = self._hold(scope, hint, value)
                self.body[first:] = [line.replace("\0", name) for line in self.body[first:]]
            else:
                self._line(level, "\0 = ", node)
                name = self._hold(scope, hint, value)
                self.body[-1] = self.body[-1].replace("\0", name)

    def _hint(self, value: Value) -> str:
        return value.name or _HINTS.get(self.producers[value.id].op, "value")

    def _hold(self, scope: _Scope, hint: str, value: Value) -> str:
        """Give a value a name: one that no value holds which is still to be used."""
        busy = {name for name, held in scope.visible().items() if self.left.get(held, 0) > 0}
        name = unique(hint, self.reserved | busy)
        scope.holders[name] = value.id
        self.names[value.id] = name
        return name

    def _line(self, level: int, start: str, what: Operand | Node, end: str = "") -> None:
        if isinstance(what, Node):
            text, node = self._expression(what).text, what
        else:
            code = self._code(what)
            text = f"float({code.text})" if start == "return " and self._is_int(what) else code.text
            node = self.producers.get(getattr(what, "id", -1))  # type: ignore[assignment]
        line = f"{INDENT * level}{start}{text}{end}"
        self.body.append(line)
        if len(line) > LINE_LENGTH and node is not None:
            self._shorten(node)

    def _shorten(self, node: Node) -> None:
        """Have the longest part of an expression that fits stand in a statement of its own."""
        left, hint = dict(self.left), ""
        while True:
            parts = [
                (len(self._code(x).text), x.id, self.producers[x.id])
                for x in self.operands(node)
                if isinstance(x, Value) and x.id in self.producers and x.id not in self.bound
            ]
            if not parts:
                break
            length, value, part = max(parts, key=lambda found: found[0])
            adds_on = part.op == node.op == "add"  # a sum that is begun has the name of the whole
            hint = hint or self._hint(node.output if adds_on else part.output)
            self.too_long, node = (value, hint), part
            if not adds_on or length < LINE_LENGTH - 3 * len(INDENT):
                break
        self.left = left

    # expressions

    def _code(self, operand: Operand) -> Code:
        if isinstance(operand, Constant):
            return operators.literal(operand.value)
        if operand.id in self.names:
            self.left[operand.id] -= 1
            return Code(self.names[operand.id])
        return self._expression(self.producers[operand.id])

    def _expression(self, node: Node) -> Code:
        arguments = [
            operators.literal(operators.constant(node, operand))
            if isinstance(operand, Constant)
            else self._code(self._resolved(operand))
            for operand in node.operands
        ]
        if node.op == "call":
            callee = self.functions[node.attributes["block"]]
            return Code(f"{callee}({', '.join(a.text for a in arguments)})")
        if node.op == "power" and all(map(self._is_int, self.operands(node))):
            arguments[0] = Code(f"float({arguments[0].text})")
        return operators.SCALARS[node.op](None, node, arguments)

    def _is_int(self, operand: Operand) -> bool:
        """Whether it may be one of Python's ints."""
        if isinstance(operand, Constant):
            return isinstance(operand.value, int)
        operand = self._resolved(operand)
        if not isinstance(operand, Value) or operand.dtype != "float":
            return True
        node = self.producers.get(operand.id)
        return node is not None and operators.is_int(node, self._is_int)


def _is_transparent(node: Node) -> bool:
    """Whether there is nothing to write: Python converts ints to floats, and bools to ints."""
    if node.op != "astype":
        return node.op in operators.TRANSPARENT
    (given,) = values_of(node.operands)
    return node.attributes["dtype"] == "float" or given.dtype == "bool"
