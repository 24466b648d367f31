"""Blocks of single numbers as functions of plain Python, on its own ints and floats.

A choice becomes `if` and `return` where it ends a function, so that only the side that is taken is
computed. Ints do not wrap around as int32 does, and where the oracle has an infinity, as at 1 / 0,
Python raises.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from polydl.emission import scalar_operators as operators
from polydl.emission.code import INDENT, Code
from polydl.emission.naming import BUILTINS, PYTHON_WORDS, snake_case, unique
from polydl.emission.scalar_plan import Plan, Scope, is_transparent
from polydl.emission.wrap import LINE_LENGTH, wrap
from polydl.errors import DefinitionError
from polydl.program.types import Block, Constant, Node, Operand, Value

# what an unnamed value is called
_HINTS = {"cos": "cosine", "power": "decay", "where": "rate", "floor": "count"}


def scalar_functions(
    blocks: Mapping[str, Block],
    key: str,
    name: str,
    docstring: str,
    taken: Collection[str] = (),
) -> list[str]:
    """The lines of a function for the Block under `key`, after one for each Block that it calls.

    They need `import math` where "math." is in them. taken: names of the module around them, which
    functions that are called must not have. DefinitionError where something in a Block is no single
    number, or has no counterpart in Python.
    """
    names: dict[str, str] = {}
    reserved = {name, "math", *taken, *BUILTINS, *PYTHON_WORDS}
    lines: list[str] = []
    for called in _called(blocks, key):
        names[called] = unique(snake_case(blocks[called].class_name), reserved)
        reserved.add(names[called])
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


class _Function:
    """One Block, written."""

    def __init__(self, block: Block, name: str, docstring: str, functions: Mapping[str, str]):
        self.block, self.functions = block, functions
        self.reserved = {name, "math", *functions.values(), *BUILTINS, *PYTHON_WORDS}
        self.ints: set[int] = set()  # values that may be ints of Python's, by id
        for node in block.nodes:
            self._check(node)
            if operators.is_int(node, self._is_int):
                self.ints.add(node.output.id)
        self.kept: dict[int, str] = {}  # values that get statements for long lines, and their names
        while self._write():
            self.kept |= self.too_long
        arguments = ", ".join(self.names[value.id] for value in block.inputs)
        described = [f'{INDENT}"""{docstring}"""'] if docstring else []
        lines = [f"def {name}({arguments}):", *described, *self.body]
        self.lines = [part for line in lines for part in wrap(line)]

    def _check(self, node: Node) -> None:
        shaped = any(value.shape for value in node.outputs)
        known = node.op == "call" or node.op in operators.SCALARS or is_transparent(node)
        if shaped or not known or len(node.outputs) != 1:
            what = "gives an array" if shaped else "has no counterpart there"
            raise DefinitionError(
                f"{self.block.class_name} is computed by Python on single numbers, and "
                f"{node.op!r} {what}. Use arithmetic, dl.where and functions such as dl.ops.cos"
            )

    # the text

    def _write(self) -> bool:
        """Write all lines; whether one was too long, and there is something to do about it."""
        self.plan = Plan(self.block, self.kept)
        self.names: dict[int, str] = {}
        self.left = dict(self.plan.uses)  # how many uses of a value are still to be written
        for value in self.block.inputs:
            self._hold(self.plan.root, value.name or "x", value)
        self.body: list[str] = []
        self.too_long: dict[int, str] = {}  # values whose statements would shorten a line
        self._scope(self.plan.root, self.plan.result, "return ", 1)
        return bool(self.too_long)

    def _scope(self, scope: Scope, end: Operand, target: str, level: int) -> None:
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
            condition, yes, no = self.plan.operands(choice)
            first, second = self.plan.sides[choice.output.id]
            self._line(level, "if ", condition, ":")
            self._scope(first, yes, target, level + 1)
            scope, end = second, no

    def _choice_at(self, end: Operand) -> Node | None:
        """The choice that a scope ends with, if it does."""
        if (
            not isinstance(end, Value)
            or end.id not in self.plan.choices
            or end.id in self.plan.bound
        ):
            return None
        return self.plan.producers[end.id]

    def _choice(self, node: Node, target: str, level: int, word: str = "if ") -> None:
        """`if`, `elif` and `else`, each of which ends in `target`."""
        condition, yes, no = self.plan.operands(node)
        first, second = self.plan.sides[node.output.id]
        self._line(level, word, condition, ":")
        self._scope(first, yes, target, level + 1)
        other = self._choice_at(no)
        if other is not None and not second.nodes:
            self._choice(other, target, level, "elif ")
            return
        self.body.append(f"{INDENT * level}else:")
        self._scope(second, no, target, level + 1)

    def _statements(self, scope: Scope, level: int) -> None:
        for node in reversed(scope.nodes):
            value = node.output
            hint = self.kept.get(value.id) or self._hint(value)
            if value.id in self.plan.choices:
                first = len(self.body)
                self._choice(node, "\0 = ", level)
                name = self._hold(scope, hint, value)
                self.body[first:] = [line.replace("\0", name) for line in self.body[first:]]
            else:
                self._line(level, "\0 = ", node)
                name = self._hold(scope, hint, value)
                self.body[-1] = self.body[-1].replace("\0", name)

    def _hint(self, value: Value) -> str:
        return value.name or _HINTS.get(self.plan.producers[value.id].op, "value")

    def _hold(self, scope: Scope, hint: str, value: Value) -> str:
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
            node = self.plan.producers.get(getattr(what, "id", -1))  # type: ignore[assignment]
        line = f"{INDENT * level}{start}{text}{end}"
        self.body.append(line)
        if len(line) > LINE_LENGTH and node is not None:
            self._shorten(node)

    def _shorten(self, node: Node) -> None:
        """Have the longest part of an expression that fits stand in a statement of its own."""
        left, hint, found = dict(self.left), "", -1
        while True:
            parts = [
                (len(self._code(x).text), x.id, self.plan.producers[x.id])
                for x in self.plan.operands(node)
                if isinstance(x, Value)
                and x.id in self.plan.producers
                and x.id not in self.plan.bound
            ]
            if not parts:
                break
            length, value, part = max(parts, key=lambda found: found[0])
            adds_on = part.op == node.op == "add"  # a sum that is begun has the name of the whole
            hint = hint or self._hint(node.output if adds_on else part.output)
            found, node = value, part
            if not adds_on or length < LINE_LENGTH - 3 * len(INDENT):
                break
        if found >= 0:
            self.too_long[found] = hint
        self.left = left

    # expressions

    def _code(self, operand: Operand) -> Code:
        if isinstance(operand, Constant):
            return operators.literal(operand.value)
        if operand.id in self.names:
            self.left[operand.id] -= 1
            return Code(self.names[operand.id])
        return self._expression(self.plan.producers[operand.id])

    def _expression(self, node: Node) -> Code:
        arguments = [
            operators.literal(operators.constant(node, operand))
            if isinstance(operand, Constant)
            else self._code(self.plan.resolved(operand))
            for operand in node.operands
        ]
        if node.op == "call":
            callee = self.functions[node.attributes["block"]]
            return Code(f"{callee}({', '.join(a.text for a in arguments)})")
        if node.op == "power" and all(map(self._is_int, self.plan.operands(node))):
            arguments[0] = Code(f"float({arguments[0].text})")
        return operators.SCALARS[node.op](None, node, arguments)

    def _is_int(self, operand: Operand) -> bool:
        """Whether it may be one of Python's ints."""
        if isinstance(operand, Constant):
            return isinstance(operand.value, int)
        return operand.dtype != "float" or operand.id in self.ints
