"""The emitter that backends derive from: the way from a Program to its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

from polydl.emission import calls, constructors, loops, places
from polydl.emission.body import Body
from polydl.emission.code import INDENT, Code, Literal, Slots, plain_literal
from polydl.emission.dialect import Dialect
from polydl.emission.effects import Effects
from polydl.emission.emitted import Binding, Emitted
from polydl.emission.held import PREFIX, held, is_held
from polydl.emission.merging import Definition, Draft, Method, merge
from polydl.emission.naming import BUILTINS, camel_case, singular, snake_case
from polydl.emission.native import Native
from polydl.emission.nesting import nested
from polydl.emission.operators import OPERATORS
from polydl.emission.optional import with_optional_parts
from polydl.emission.units import Unit, UnitTable
from polydl.emission.wrap import wrap
from polydl.errors import BackendError
from polydl.program.passes.randomness import takes_step
from polydl.program.ranges import Ranges
from polydl.program.types import Block, Node, Program, values_of, walk


class Emitter(Dialect):
    """Writes a Program as the source of one framework. One instance writes one Program."""

    def __init__(
        self,
        program: Program,
        dtype: str = "float32",
        natives: bool = True,
        untrusted: frozenset[str] = frozenset(),
        functions: tuple[str, ...] = (),
        computes: str = "",
    ):
        """computes: of mixed precision, the type that the model computes in; its own has `dtype`."""
        self.program, self.dtype, self.functions = program, dtype, functions
        self.computes = computes
        self.use_natives, self.untrusted = natives, untrusted
        self.signatures = signatures(program)
        if self.holds(program.root) and self.plain_native(program.root) is not None:
            self.program = program = held(program)
            self.signatures = signatures(program)
        self.effects = Effects(program)
        self.ranges = Ranges(program, functions)
        self.taken: set[str] = set()  # names that classes and functions must leave free
        self._used_support: dict[str, None] = {}

    def floating(self, block: Block) -> str:
        """The type that a Block computes in: losses and metrics keep that of parameters."""
        wide = not self.computes or block.key in self._scores
        return self.dtype if wide else self.computes

    @cached_property
    def _scores(self) -> set[str]:
        """Keys of the functions besides the model, and of what they call."""
        found: set[str] = set()
        left = list(self.functions)
        while left:
            key = left.pop()
            if key not in found:
                found.add(key)
                nodes = walk(self.program.blocks[key].nodes)
                left += [node.attributes["block"] for node in nodes if node.op == "call"]
        return found

    def root_arguments(self, arguments: list[str]) -> list[str]:
        """The model's own arguments; the step of portable randomness has a default."""
        if takes_step(self.program):
            return [*arguments[:-1], f"{arguments[-1]}=0"]
        return arguments

    # the way to text

    def emit(self, more: Callable[[], list[str]] | None = None) -> Emitted:
        """The whole text; `more` gives lines that follow the model, once functions have names."""
        self.units = UnitTable(
            self.program,
            self.native,
            self.reserved_attributes,
            self.functions,
            self.sequence_attribute if self.sequence else None,
        )
        definitions = self._define_all()
        texts = [line for definition in definitions for line in ["", "", *self.text_of(definition)]]
        if more is not None:
            texts += ["", "", *more()]
        support = [
            line for n in self._used_support for line in ["", "", *self.support[n].split("\n")]
        ]
        lines = [line if line.strip() else "" for line in [*support, *texts]]
        body = "\n".join(lines).strip("\n")
        header = [*standard_imports(body), *self.header(body)]
        source = "\n".join(header) + "\n\n\n" + body + "\n"
        return Emitted(source, self.entry_name(), self.bindings())

    def entry_name(self) -> str:
        """What is called for a fresh native object."""
        root = self.units.root.definition
        assert root is not None
        return root.name

    def fresh(self) -> str:
        """The text that makes a fresh native object."""
        return f"{self.entry_name()}()"

    def function_text(self, key: str, arguments: list[str]) -> str:
        """The text of a call of one of `functions`."""
        return self.function_code(key, arguments).text

    def function_code(self, key: str, arguments: list[str]) -> Code:
        """The same, and how tightly it binds."""
        slots = Slots()
        unit = self.units.functions[key]
        code = calls.call_function(self, slots.literal, unit, [Code(a) for a in arguments])
        return replace(code, text=slots.filled(code.text))

    @property
    def defined_names(self) -> set[str]:
        """Names of the classes and functions, once they are defined."""
        units = [*self.units.functions.values(), *self.units.modules.values()]
        return {unit.definition.name for unit in units if unit.definition is not None}

    def function_name(self, key: str) -> str:
        definition = self.units.functions[key].definition
        assert definition is not None
        return definition.name

    def header(self, body: str) -> list[str]:
        return [line for token, line in self.imports if token in body]

    def text_of(self, definition: Definition) -> list[str]:
        if definition.is_class:
            lines = self.class_text(definition, definition.name)
        else:
            (method,) = definition.methods
            arguments = ", ".join([*method.arguments, *definition.parameters])
            lines = [f"def {definition.name}({arguments}):", *(INDENT + x for x in method.lines)]
        return [part for line in lines for part in wrap(line)]

    def _define_all(self) -> list[Definition]:
        taken = set(self.reserved_names) | self.taken | BUILTINS
        units = [*self.units.functions.values(), *self.units.modules.values()]
        reserved = self.reserved_names | self.reserved_attributes
        definitions: list[Definition] = []
        for height in sorted({unit.height for unit in units}):
            level = [u for u in units if u.height == height and u.is_written]
            drafts = [self.draft(unit) for unit in level]
            if self.identity:
                drafts = with_optional_parts(drafts, self.identity)
            definitions += merge(drafts, taken, reserved)
        functions = [d for d in definitions if not d.is_class]
        return functions + [d for d in definitions if d.is_class]

    def holds(self, root: Block) -> bool:
        """Whether a layer that is the whole model stands in a class of its own."""
        return True

    def native(self, block: Block) -> Native | None:
        """The native of a Block, if it has one that may be used.

        The model itself has none: it is a class of its own. Nor has a module that would be made in
        different ways for its several signatures.
        """
        if block.key == "":
            return None
        native = self.plain_native(block)
        if native is not None and block.is_module:
            for other in self.signatures[block.path]:
                same = native if other is block else self.plain_native(other)
                if same is None or same.construct != native.construct:
                    return None
        return native

    def plain_native(self, block: Block) -> Native | None:
        return self.native_with(block, plain_literal)

    def native_with(self, block: Block, literal: Literal) -> Native | None:
        if not self.use_natives or block.key.partition("@")[0] in self.untrusted:
            return None
        make = self.natives.get(block.kind)
        return make(self, block, literal) if make else None

    def use_support(self, *names: str) -> None:
        """Have helper texts of `support` stand in the module."""
        self._used_support.update(dict.fromkeys(names))

    def draft(self, unit: Unit) -> Draft:
        return self.module_draft(unit) if unit.is_module else self.function_draft(unit)

    def why_not_again(self, node: Node) -> str:
        """Why a remat is a plain call; empty where it is not."""
        if self.effects.draws(node) and not self.remat_draws:
            return "it would draw other random numbers"
        if self.effects.writes(node) and not self.remat_writes:
            return "it would update state again"
        if self.effects.is_looped(node) and not self.remat_in_loops:
            return "it stands in a loop"
        return ""

    def body_of(self, unit: Unit, block: Block, slots: Slots) -> Body:
        """The statements of a Block."""
        return Body(self, unit, block, slots, self._reserved(unit))

    def kept_values(self, unit: Unit, block: Block) -> set[int]:
        """Values (by id) that get a statement of their own: arguments that a text repeats."""
        calls = [node for node in walk(block.nodes) if node.op == "call"]
        return {
            value.id
            for node in calls
            if (native := self.units.of(node).native) is not None and native.named
            for value in values_of(node.operands)
        }

    def function_draft(self, unit: Unit) -> Draft:
        slots = Slots()
        body = self.body_of(unit, unit.block, slots)
        name = snake_case(unit.block.class_name)
        method = Method(name, body.arguments, body.lines)
        return Draft(unit, name, slots, [], [method], local_names=body.local_names)

    def module_draft(self, unit: Unit) -> Draft:
        slots = Slots()
        init, attributes = self.constructor(unit, slots)
        methods: list[Method] = []
        seen: dict[tuple[str, ...], str] = {}
        for block in unit.blocks:
            body = self.body_of(unit, block, slots)
            key = (*body.arguments, *map(slots.filled, body.lines))
            if key not in seen:
                number = len(seen) + 1
                seen[key] = self.method if number == 1 else f"{self.method_base}_{number}"
                arguments = self.method_arguments(unit, body)
                methods.append(Method(seen[key], arguments, body.lines))
            unit.methods[block.key] = seen[key]
        return Draft(
            unit, self.class_name(unit), slots, init, methods, attributes, needs=self.needs(unit)
        )

    @property
    def method_base(self) -> str:
        return self.method.strip("_")

    def method_arguments(self, unit: Unit, body: Body) -> list[str]:
        return self.root_arguments(body.arguments) if unit.parent is None else body.arguments

    def needs(self, unit: Unit) -> frozenset[str]:
        """Marks of a class that change its text, such as "rngs"."""
        return frozenset()

    def class_name(self, unit: Unit) -> str:
        name = unit.block.class_name
        if name != "Sequential":
            return name
        if unit.parent is None:
            return "Model"
        attribute = unit.attribute if unit.position is None else singular(unit.attribute)
        return camel_case(attribute)

    def constructor(self, unit: Unit, slots: Slots) -> tuple[list[str], list[str]]:
        """The lines of a class's constructor, and the attributes that they set."""
        return constructors.constructor(self, unit, slots)

    def _reserved(self, unit: Unit) -> set[str]:
        functions = {snake_case(self.units.functions[k].block.class_name) for k in unit.callees}
        return set(self.reserved_names) | functions | {"self", "range", "float", "super"}

    # what a Body asks for

    def primitive(self, body: Body, node: Node, arguments: list[Code]) -> Code:
        writer = self.primitives.get(node.op) or OPERATORS.get(node.op)
        if writer is None:
            raise BackendError(
                f"{type(self).__name__} cannot write the primitive {node.op!r} "
                f"(in {body.block.path or body.block.class_name})"
            )
        return writer(body, node, arguments)

    def call(self, body: Body, node: Node, arguments: list[Code]) -> Code:
        return calls.call(self, body, node, arguments)

    def call_module(self, body: Body, unit: Unit, callee: str, arguments: list[Code]) -> Code:
        return Code(f"{callee}({', '.join(a.text for a in arguments)})")

    def callee(self, body: Body, unit: Unit, target: str) -> str:
        """How a Body's text names a module that it calls."""
        return ".".join(["self", *places.way(self.units, body.unit, unit, target)])

    def read(self, user: Unit, path: str) -> Code:
        entry = self.program.entries[path]
        place, axes = places.place(self.units, user, path)
        code = self.read_attribute(entry, place)
        if axes is None:
            return code
        inverse = tuple(axes.index(i) for i in range(len(axes)))
        return self.transposed(code, inverse)

    def write(self, user: Unit, path: str, value: Code) -> str:
        place, _ = places.place(self.units, user, path)
        return self.write_attribute(place, value)

    def bindings(self) -> dict[str, Binding]:
        found = {}
        for path in self.program.entries:
            owner = self.units.owner(path)
            own = places.native_entry(self.units, owner, path)
            own = own._replace(native=self.native_path(owner, own.native))
            found[path.removeprefix(PREFIX) if is_held(self.program) else path] = own
        return found

    def native_path(self, owner: Unit, name: str) -> str:
        steps: list[str] = []
        for unit in owner.ancestors():
            if unit.parent is not None:
                steps += [str(unit.position)] if unit.position is not None else []
                steps += [unit.attribute] if unit.attribute else []
        return ".".join([*steps[::-1], name])

    def returns(self, body: Body, results: list[Code]) -> list[str]:
        text = ", ".join(code.text for code in results)
        if body.unit.parent is None and body.unit.is_module:
            structure = self.program.outputs
            text = nested(structure, [code.text for code in results], "()")
            if structure is not None and structure[0] == "tuple" and len(structure[1]) > 1:
                text = text[1:-1]
        return [f"return {text}"]

    # loops

    def loop_length(self, body: Body, nodes: Sequence[Node], start: int) -> int:
        """How many nodes from `start` on make one loop; 0 where there is none."""
        return loops.loop_length(self, body, nodes, start)

    def loop(self, body: Body, nodes: Sequence[Node], arguments: list[Code]) -> tuple[str, Code]:
        """The header and the call of a loop over a list of modules."""
        return loops.loop(self, body, nodes, arguments)


STANDARD = ("itertools", "math")


def standard_imports(body: str) -> list[str]:
    """The imports of the standard library that a text needs, and the empty line after them."""
    found = [f"import {name}" for name in STANDARD if re.search(rf"(?<![\w.]){name}\.", body)]
    found += ["from pathlib import Path"] if "Path(__file__)" in body else []
    return [*found, ""] if found else []


def signatures(program: Program) -> dict[str, list[Block]]:
    """The Blocks of each module, by path: one for each way it is called."""
    found: dict[str, list[Block]] = {}
    for block in program.blocks.values():
        if block.is_module:
            found.setdefault(block.path, []).append(block)
    return found
