"""The emitter that backends derive from: tables first, methods where the shape of the code differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from polydl.emission.body import INDENT, Body
from polydl.emission.code import Code, Slots, literal_text, string_text
from polydl.emission.liveness import NOTHING, Touched
from polydl.emission.merging import Definition, Draft, Method, merge
from polydl.emission.naming import BUILTINS, attribute_name, camel_case, singular, snake_case
from polydl.emission.native import Native
from polydl.emission.operators import OPERATORS
from polydl.emission.units import Unit, UnitTable
from polydl.emission.wrap import wrap
from polydl.errors import BackendError
from polydl.program.passes.randomness import takes_step
from polydl.program.types import Block, Entry, Node, Program, Value, walk

Axes = tuple[int, ...] | None
Literal = Callable[[Any, str], str]
PrimitiveWriter = Callable[[Body, Node, list[Code]], Code]


@dataclass(frozen=True)
class Binding:
    """Where an entry lives in the native object, and how its axes are ordered there."""

    native: str
    axes: Axes = None


@dataclass(frozen=True)
class Emitted:
    """A model's source text.

    entry: the name to call for a fresh native object. bindings: canonical path to native place.
    """

    source: str
    entry: str
    bindings: Mapping[str, Binding]


class Emitter:
    """Writes a Program as the source of one framework. One instance writes one Program."""

    primitives: ClassVar[Mapping[str, PrimitiveWriter]] = {}
    natives: ClassVar[Mapping[str, Callable[..., Native | None]]] = {}
    support: ClassVar[Mapping[str, str]] = {}
    line_length: ClassVar[int] = 88
    inference_first: ClassVar[bool] = False  # which side of a choice of mode comes first
    reshapes_like: ClassVar[bool] = True  # whether reshape takes another array's whole shape
    imports: ClassVar[tuple[tuple[str, str], ...]] = ()  # (token in the text, import line)
    reserved_attributes: ClassVar[frozenset[str]] = frozenset()
    reserved_names: ClassVar[frozenset[str]] = frozenset()
    method: ClassVar[str] = "forward"

    def __init__(
        self,
        program: Program,
        dtype: str = "float32",
        natives: bool = True,
        untrusted: frozenset[str] = frozenset(),
        functions: tuple[str, ...] = (),
    ):
        self.program, self.dtype, self.functions = program, dtype, functions
        self.use_natives, self.untrusted = natives, untrusted
        self.taken: set[str] = set()  # names that classes and functions must leave free
        self._effects: dict[str, bool] = {}
        self._state: dict[str, Touched] = {}
        self._used_support: dict[str, None] = {}

    # what a backend fills in

    def declare(self, entry: Entry, attribute: str, literal: Literal) -> str:
        """The statement that makes a parameter or a piece of state; sizes go through `literal`."""
        raise NotImplementedError

    def read_attribute(self, entry: Entry, place: str) -> Code:
        raise NotImplementedError

    def write_attribute(self, place: str, value: Code) -> str:
        raise NotImplementedError

    def transposed(self, code: Code, axes: tuple[int, ...]) -> Code:
        raise NotImplementedError

    def dimension(self, code: Code, axis: int) -> Code:
        return Code(f"{code.atom}.shape[{axis}]")

    def shape_of(self, code: Code) -> Code:
        return Code(f"{code.atom}.shape")

    def element_count(self, code: Code) -> Code | None:
        return Code(f"{code.atom}.size")

    def list_text(self, items: str) -> str:
        raise NotImplementedError

    def class_text(self, definition: Definition, base: str) -> list[str]:
        raise NotImplementedError

    def training_condition(self, body: Body) -> str:
        return "self.training"

    def inference_condition(self, body: Body) -> str:
        return f"not {self.training_condition(body)}"

    def mode_lines(self, unit: Unit) -> list[str]:
        """Statements in a constructor that keep the mode, where the framework does not."""
        return []

    def constructor_arguments(self, definition: Definition) -> list[str]:
        """Arguments that every constructor call passes on, such as rngs=rngs."""
        return []

    def root_arguments(self, arguments: list[str]) -> list[str]:
        """The model's own arguments; the step of portable randomness has a default."""
        if takes_step(self.program):
            return [*arguments[:-1], f"{arguments[-1]}=0"]
        return arguments

    # the way to text

    def emit(self, more: Callable[[], list[str]] | None = None) -> Emitted:
        """The whole text; `more` gives lines that follow the model, once functions have names."""
        self.units = UnitTable(self.program, self.native, self.reserved_attributes, self.functions)
        self._borrowers = self.units.borrowers
        definitions = self._define_all()
        texts = [line for definition in definitions for line in ["", "", *self.text_of(definition)]]
        if more is not None:
            texts += ["", "", *more()]
        support = [
            line for n in self._used_support for line in ["", "", *self.support[n].split("\n")]
        ]
        body = "\n".join([*support, *texts]).strip("\n")
        source = "\n".join(self.header(body)) + "\n\n\n" + body + "\n"
        return Emitted(source, self.entry_name(), self.bindings())

    def entry_name(self) -> str:
        """What is called for a fresh native object."""
        root = self.units.root.definition
        assert root is not None
        return root.name

    def function_text(self, key: str, arguments: list[str]) -> str:
        """The text of a call of one of `functions`."""
        slots = Slots()
        code = self._call_function(
            slots.literal, self.units.functions[key], [Code(a) for a in arguments]
        )
        return _filled([code.text], slots)[0]

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
            level = [u for u in units if u.height == height and u.native is None]
            definitions += merge([self.draft(unit) for unit in level], taken, reserved)
        functions = [d for d in definitions if not d.is_class]
        return functions + [d for d in definitions if d.is_class]

    def native(self, block: Block) -> Native | None:
        """The native of a Block, if it has one that may be used.

        The model itself has none: it is a class of its own. Nor has a module that would be made in
        different ways for its several signatures.
        """
        if block.key == "":
            return None
        native = self._plain_native(block)
        if native is not None and block.is_module:
            for other in self._signatures[block.path]:
                same = native if other is block else self._plain_native(other)
                if same is None or same.construct != native.construct:
                    return None
        return native

    def _plain_native(self, block: Block) -> Native | None:
        return self.native_with(block, lambda value, hint: literal_text(value))

    @cached_property
    def _signatures(self) -> dict[str, list[Block]]:
        """The Blocks of each module, by path."""
        found: dict[str, list[Block]] = {}
        for block in self.program.blocks.values():
            if block.is_module:
                found.setdefault(block.path, []).append(block)
        return found

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

    def body_of(self, unit: Unit, block: Block, slots: Slots) -> Body:
        """The statements of a Block."""
        return Body(self, unit, block, slots, self._reserved(unit))

    def kept_values(self, unit: Unit, block: Block) -> Iterable[int]:
        """Values (by id) that get a statement of their own, for readers."""
        return ()

    def function_draft(self, unit: Unit) -> Draft:
        slots = Slots()
        body = self.body_of(unit, unit.block, slots)
        name = snake_case(unit.block.class_name)
        method = Method(name, body.arguments, body.lines)
        return Draft(unit, name, slots, [], [method], local_names=body.local_names)

    def module_draft(self, unit: Unit) -> Draft:
        slots = Slots()
        init, attributes = self._constructor(unit, slots)
        methods: list[Method] = []
        seen: dict[tuple[str, ...], str] = {}
        for block in unit.blocks:
            body = self.body_of(unit, block, slots)
            key = (*body.arguments, *_filled(body.lines, slots))
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

    def _reserved(self, unit: Unit) -> set[str]:
        functions = {snake_case(self.units.functions[k].block.class_name) for k in unit.callees}
        return set(self.reserved_names) | functions | {"self", "range", "float", "super"}

    # constructors

    def _constructor(self, unit: Unit, slots: Slots) -> tuple[list[str], list[str]]:
        lines, attributes = [], []
        for entry in self.own_entries(unit):
            attribute = self.entry_attribute(entry)
            attributes.append(attribute)
            lines.append(self.declare(entry, attribute, slots.literal))
        lists = unit.lists()
        for child in unit.children.values():
            if child.attribute in attributes:
                continue
            attributes.append(child.attribute)
            if child.position is not None:
                text = self._list_constructor(lists[child.attribute], slots)
            else:
                text = self.construct(child, slots)
                if not text:
                    continue
            lines.append(f"self.{child.attribute} = {text}")
        lines += self._shared_lines(unit)
        lines += self.mode_lines(unit)
        return lines, attributes

    def _list_constructor(self, items: list[Unit], slots: Slots) -> str:
        """`ModuleList(Block(64) for _ in range(3))`, or the items one by one where they differ."""
        texts = []
        for item in sorted(items, key=lambda u: u.position or 0):
            trial = Slots()
            texts.append("".join(_filled([self.construct(item, trial)], trial)))
        if len(set(texts)) == 1 and len(items) > 1:
            text = self.construct(items[0], slots)
            count = slots.literal(len(items), f"{singular(items[0].attribute)}_count")
            return self.list_text(f"{text} for _ in range({count})")
        ordered = sorted(items, key=lambda u: u.position or 0)
        return self.list_text(f"[{', '.join(self.construct(item, slots) for item in ordered)}]")

    def construct(self, unit: Unit, slots: Slots) -> str:
        """A constructor's text; empty for a native that is a plain function."""
        if unit.native is not None:
            native = self.native_with(unit.block, slots.literal)
            assert native is not None
            self._used_support.update(dict.fromkeys(native.support))
            return native.construct
        definition = unit.definition
        assert definition is not None
        values = [slots.literal(value, hint) for value, hint in unit.arguments]  # type: ignore[arg-type]
        if len(values) > 2:
            values = [f"{p}={v}" for p, v in zip(definition.parameters, values, strict=True)]
        arguments = [*values, *self.constructor_arguments(definition)]
        return f"{definition.name}({', '.join(arguments)})"

    def own_entries(self, unit: Unit) -> list[Entry]:
        return self.units.entries.get(unit.path, [])

    def entry_attribute(self, entry: Entry) -> str:
        return self.units.entry_names[entry.path]

    def _shared_lines(self, unit: Unit) -> list[str]:
        """`self.decoder.embed = self.encoder.embed`, in the module that holds both."""
        lines = []
        for user in self._borrowers:
            for target, used in user.borrowed.items():
                above = next(u for u in user.ancestors() if u in used.ancestors())
                if above is unit:
                    left = ".".join(["self", *user.chain(unit), self.borrowed_name(target)])
                    lines.append(f"{left} = {'.'.join(['self', *used.chain(unit)])}")
        return lines

    def borrowed_name(self, target: str) -> str:
        return attribute_name(target.replace(".", "_"), self.reserved_attributes)

    # what a Body asks for

    def has_effects(self, node: Node) -> bool:
        """Whether a node changes state or draws random numbers, itself or in what it calls."""
        if node.op in ("write", "random_bits", "when_training"):
            return True
        if node.op != "call":
            return False
        key = node.attributes["block"]
        if key not in self._effects:
            self._effects[key] = False
            nodes = walk(self.program.blocks[key].nodes)
            self._effects[key] = any(self.has_effects(inner) for inner in nodes)
        return self._effects[key]

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

    def primitive(self, body: Body, node: Node, arguments: list[Code]) -> Code:
        writer = self.primitives.get(node.op) or OPERATORS.get(node.op)
        if writer is None:
            raise BackendError(
                f"{type(self).__name__} cannot write the primitive {node.op!r} "
                f"(in {body.block.path or body.block.class_name})"
            )
        return writer(body, node, arguments)

    def call(self, body: Body, node: Node, arguments: list[Code]) -> Code:
        called = self.program.blocks[node.attributes["block"]]
        if not called.is_module:
            return self._call_function(body.literal, self.units.functions[called.key], arguments)
        unit = self.units.modules[called.path]
        callee = self.callee(body, unit, node.attributes["target"])
        if unit.native is not None:
            self._used_support.update(dict.fromkeys(unit.native.support))
            native = self.native_with(called, body.literal)
            assert native is not None
            return native.call(callee, arguments)
        method = unit.methods[called.key]
        if method != self.method:
            callee = f"{callee}.{method}"
        return self.call_module(body, unit, callee, arguments)

    def call_module(self, body: Body, unit: Unit, callee: str, arguments: list[Code]) -> Code:
        return Code(f"{callee}({', '.join(a.text for a in arguments)})")

    def _call_function(self, literal: Literal, unit: Unit, arguments: list[Code]) -> Code:
        if unit.native is not None:
            native = self.native_with(unit.block, literal)
            assert native is not None
            self._used_support.update(dict.fromkeys(native.support))
            return native.call("", arguments)
        assert unit.definition is not None
        texts = [a.text for a in arguments]
        texts += [literal(value, hint) for value, hint in unit.arguments]
        return Code(f"{unit.definition.name}({', '.join(texts)})")

    def callee(self, body: Body, unit: Unit, target: str) -> str:
        """How a Body's text names a module that it calls."""
        return ".".join(["self", *self._way(body.unit, unit, target)])

    def _way(self, user: Unit, unit: Unit, target: str) -> list[str]:
        if user in unit.ancestors():
            return unit.chain(user)
        return [self.borrowed_name(target)]

    def read(self, user: Unit, path: str) -> Code:
        entry = self.program.entries[path]
        place, axes = self.place(user, path)
        code = self.read_attribute(entry, place)
        if axes is None:
            return code
        inverse = tuple(axes.index(i) for i in range(len(axes)))
        return self.transposed(code, inverse)

    def write(self, user: Unit, path: str, value: Code) -> str:
        place, _ = self.place(user, path)
        return self.write_attribute(place, value)

    def place(self, user: Unit, path: str) -> tuple[str, Axes]:
        """The text that reaches an entry from a module's own code, and its order of axes there."""
        owner = self.units.owner(path)
        target = next((t for t, used in user.borrowed.items() if used is owner), "")
        name, axes = self.native_entry(owner, path)
        return ".".join(["self", *self._way(user, owner, target), name]), axes

    def native_entry(self, owner: Unit, path: str) -> tuple[str, Axes]:
        if owner.native is not None:
            return owner.native.weights[path.rpartition(".")[2]]
        return self.entry_attribute(self.program.entries[path]), None

    def bindings(self) -> dict[str, Binding]:
        found = {}
        for path in self.program.entries:
            owner = self.units.owner(path)
            name, axes = self.native_entry(owner, path)
            found[path] = Binding(self.native_path(owner, name), axes)
        return found

    def native_path(self, owner: Unit, name: str) -> str:
        steps: list[str] = []
        for unit in owner.ancestors():
            if unit.parent is not None:
                steps += [str(unit.position)] if unit.position is not None else []
                steps.append(unit.attribute)
        return ".".join([*steps[::-1], name])

    def returns(self, body: Body, results: list[Code]) -> list[str]:
        text = ", ".join(code.text for code in results)
        if body.unit.parent is None and body.unit.is_module:
            text = _structured(self.program.outputs, [code.text for code in results])
        return [f"return {text}"]

    # loops

    def loop_length(self, body: Body, nodes: Sequence[Node], start: int) -> int:
        """How many nodes from `start` on call the items of one list, each on the last one's result."""
        first = nodes[start]
        if first.op != "call" or len(first.outputs) != 1 or not first.operands:
            return 0
        unit = self.units.modules.get(self.program.blocks[first.attributes["block"]].path)
        called = self.program.blocks[first.attributes["block"]]
        if (
            not called.is_module
            or unit is None
            or unit.position != 0
            or unit.parent is not body.unit
        ):
            return 0
        if not isinstance(first.operands[0], Value):
            return 0
        items = sorted(unit.parent.lists()[unit.attribute], key=lambda u: u.position or 0)
        if len(nodes) - start < len(items) or len(items) < 2:
            return 0
        last = first
        for i, item in enumerate(items):
            node = nodes[start + i]
            if (
                node.op != "call"
                or len(node.outputs) != 1
                or not self._calls(node, item, first, unit)
            ):
                return 0
            if i and (
                node.operands[0] is not last.output
                or node.operands[1:] != first.operands[1:]
                or len(body.liveness.uses.get(last.output.id, [])) != 1
            ):
                return 0
            last = node
        return len(items)

    def _calls(self, node: Node, item: Unit, first: Node, unit: Unit) -> bool:
        called = self.program.blocks[node.attributes["block"]]
        if not called.is_module or self.units.modules[called.path] is not item:
            return False
        if item.native is not None:
            model = self.program.blocks[first.attributes["block"]]
            return bool(item.native.construct) and self._call_text(called) == self._call_text(model)
        method = item.methods.get(called.key, self.method)
        return method == unit.methods.get(first.attributes["block"], self.method)

    def _call_text(self, block: Block) -> str:
        """How a native is called, to compare."""
        native = self._plain_native(block)
        return native.call("_", [Code(v.name or "x") for v in block.inputs]).text if native else ""

    def loop(self, body: Body, nodes: Sequence[Node], arguments: list[Code]) -> tuple[str, Code]:
        """The header and the call of a loop over a list of modules."""
        unit = self.units.modules[self.program.blocks[nodes[0].attributes["block"]].path]
        name = singular(unit.attribute)
        called = self.program.blocks[nodes[0].attributes["block"]]
        if unit.native is not None:
            native = self.native_with(called, body.literal)
            assert native is not None
            call = native.call(name, arguments)
        else:
            method = unit.methods[called.key]
            callee = name if method == self.method else f"{name}.{method}"
            call = self.call_module(body, unit, callee, arguments)
        return f"for {name} in self.{unit.attribute}:", call


def size_hints(entry: Entry) -> list[str]:
    """Names for the sizes of a parameter, should they become constructor arguments."""
    rank = len(entry.shape)
    if rank < 2:
        return ["features"] * rank
    window = ["height", "width", "depth"][: rank - 2] if rank > 2 else []
    return [*window, *["size"] * (rank - 2 - len(window)), "inputs", "outputs"]


def _filled(lines: list[str], slots: Slots) -> list[str]:
    from polydl.emission.code import fill

    return [fill(line, lambda i: literal_text(slots.slots[i].value)) for line in lines]


def _structured(structure: Any, leaves: list[str]) -> str:
    """Outputs nested as the model nests them."""
    items = iter(leaves)

    def write(part: Any) -> str:
        if part is None:
            return next(items)
        kind, parts = part
        if kind == "dict":
            pairs = (f"{string_text(name)}: {write(p)}" for name, p in parts.items())
            return "{" + ", ".join(pairs) + "}"
        texts = [write(p) for p in parts]
        return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"

    text = write(structure)
    outermost_tuple = structure is not None and structure[0] == "tuple" and len(structure[1]) > 1
    return text[1:-1] if outermost_tuple else text
