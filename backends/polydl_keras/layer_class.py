"""Blocks as registered keras.Layer subclasses."""

from __future__ import annotations

from collections.abc import Sequence

from polydl.emission.body import Body
from polydl.emission.code import INDENT, Code, Literal, Slots
from polydl.emission.constructors import construct, shared_lines
from polydl.emission.emitter import Emitter
from polydl.emission.merging import Definition, Draft, Method
from polydl.emission.naming import singular, size_hints
from polydl.emission.units import Unit
from polydl.program.sizes import Shape, Size, same_shape
from polydl.program.types import Block, Entry, Node, Value, walk
from polydl_keras.initializers import initializer_text
from polydl_keras.placement import Placement

# the package of a whole text's classes is its own, and is filled in once the text is whole
REGISTER = '@keras.saving.register_keras_serializable(package="polydl_{}")'
DECORATOR = REGISTER.format("model")

# attributes of keras.Layer that a weight, a child or an argument must not hide
RESERVED = frozenset(
    """activity_regularizer add_loss add_metric add_variable add_weight autocast build
    build_from_config built call call_signature_parameters compute_dtype compute_mask
    compute_output_shape compute_output_spec count_params dtype dtype_policy from_config
    get_build_config get_config get_weights input input_dtype input_spec kwargs
    load_own_variables losses metrics metrics_variables name non_trainable_variables
    non_trainable_weights output path quantization_mode quantize quantized_build quantized_call
    rematerialized_call save_own_variables seed_generator set_weights stateless_call supports_jit
    supports_masking symbolic_call trainable trainable_variables trainable_weights variable_dtype
    variables weights""".split()
)

_SHAPE_KEEPING = frozenset(
    f"polydl:{n}@1" for n in ("BatchNorm", "Dropout", "LayerNorm", "RMSNorm")
)


class LayerEmitter(Emitter):
    """Classes with `__init__`, `build`, `call` and `get_config`."""

    placement: Placement
    reserved_attributes = RESERVED
    method = "call"

    def layer_draft(self, unit: Unit) -> Draft:
        draft = super().module_draft(unit)
        build = self._build_lines(unit, draft.slots)
        if build:
            draft.methods.insert(0, Method("build", ["input_shape"], build))
        draft.attributes += sorted(RESERVED)  # no argument takes such a name
        return draft

    def method_arguments(self, unit: Unit, body: Body) -> list[str]:
        mode = ["training=None"] if self.placement.uses_mode(body.block) else []
        return [*super().method_arguments(unit, body), *mode]

    def root_arguments(self, arguments: list[str]) -> list[str]:
        return arguments

    def training_condition(self, body: Body) -> str:
        return "training"

    # __init__

    def constructor(self, unit: Unit, slots: Slots) -> tuple[list[str], list[str]]:
        """Children, each with its relative path as its name; weights are made in `build`."""
        lines = []
        if self.placement.draws(unit):
            lines.append("self.seed_generator = keras.random.SeedGenerator()")
        attributes = [self.units.entry_names[entry.path] for entry in self.units.own_entries(unit)]
        lists = unit.lists()
        for name, child in unit.children.items():
            if child.attribute in attributes:
                continue
            attributes.append(child.attribute)
            if child.position is not None:
                text = self._list_constructor(lists[child.attribute], slots)
            else:
                text = named(construct(self, child, slots), f'"{name}"')
            if not text:
                continue
            lines.append(f"self.{child.attribute} = {text}")
        return [*lines, *shared_lines(self, unit)], attributes

    def _list_constructor(self, items: list[Unit], slots: Slots) -> str:
        ordered = sorted(items, key=lambda u: u.position or 0)
        paths = [self._relative(item) for item in ordered]
        if len({self.plain_construct(item) for item in ordered}) == 1 and len(ordered) > 1:
            base = paths[0].rpartition(".")[0]
            item = named(construct(self, ordered[0], slots), f'f"{base}.{{i}}"')
            count = slots.literal(len(ordered), f"{singular(ordered[0].attribute)}_count")
            return f"[{item} for i in range({count})]"
        texts = [
            named(construct(self, item, slots), f'"{path}"')
            for item, path in zip(ordered, paths, strict=True)
        ]
        return f"[{', '.join(texts)}]"

    @staticmethod
    def _relative(unit: Unit) -> str:
        assert unit.parent is not None
        return next(path for path, child in unit.parent.children.items() if child is unit)

    def plain_construct(self, unit: Unit) -> str:
        """A constructor with its literals filled in, to compare."""
        trial = Slots()
        return trial.filled(construct(self, unit, trial))

    # build

    def declare(self, entry: Entry, attribute: str, literal: Literal) -> str:
        sizes = [literal(n, hint) for n, hint in zip(entry.shape, size_hints(entry), strict=True)]
        shape = f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
        dtype = "" if entry.dtype == "float" else f', dtype="{_STATE_DTYPES[entry.dtype]}"'
        frozen = "" if entry.role == "parameter" else ", trainable=False"
        initializer = initializer_text(entry.initializer, len(entry.shape))
        name = entry.path.rpartition(".")[2]
        return (
            f"self.{attribute} = self.add_weight(shape={shape}, initializer={initializer}"
            f'{dtype}{frozen}, name="{name}")'
        )

    def _build_lines(self, unit: Unit, slots: Slots) -> list[str]:
        """Weights, and the children's, so that a loaded layer has all of them at once."""
        lines = [
            self.declare(entry, self.units.entry_names[entry.path], slots.literal)
            for entry in self.units.own_entries(unit)
        ]
        lists = unit.lists()
        for child in unit.children.values():
            if not self._has_weights(child):
                continue
            if child.position is None:
                lines.append(f"self.{child.attribute}.build({self._shape(unit, child, slots)})")
            elif child is lists[child.attribute][0]:
                lines += self._list_build(unit, lists[child.attribute], slots)
        return lines

    def _list_build(self, unit: Unit, items: Sequence[Unit], slots: Slots) -> list[str]:
        trial = Slots()
        texts = [self._shape(unit, item, trial) for item in items]
        plain = set(map(trial.filled, texts))
        attribute = items[0].attribute
        if len(plain) == 1 and len(items) > 1 and all(map(self._has_weights, items)):
            name = singular(attribute)
            shape = self._shape(unit, items[0], slots)
            return [f"for {name} in self.{attribute}:", f"{INDENT}{name}.build({shape})"]
        return [
            f"self.{item.access}.build({self._shape(unit, item, slots)})"
            for item in items
            if self._has_weights(item)
        ]

    def _has_weights(self, unit: Unit) -> bool:
        prefix = f"{unit.path}."
        return any(path.startswith(prefix) for path in self.program.entries)

    def _shape(self, unit: Unit, child: Unit, slots: Slots) -> str:
        """The shape of a child's first input: this layer's own where it follows from that."""
        taken = child.block.inputs[0].shape
        for block in unit.blocks:
            following = self._following(block)
            for node in walk(block.nodes):
                if node.op == "call" and self._calls_block(node, child):
                    operand = node.operands[0]
                    if isinstance(operand, Value) and operand.id in following:
                        return "input_shape"
        return _shape_text(taken, slots)

    def _calls_block(self, node: Node, child: Unit) -> bool:
        return node.attributes["block"] == child.block.key

    def _following(self, block: Block) -> set[int]:
        """Values that have the first input's shape by the way they are computed."""
        if not block.inputs:
            return set()
        first = block.inputs[0]
        found = {first.id}
        for node in walk(block.nodes):
            keeps = node.op in ("add", "subtract", "multiply") or (
                node.op == "call"
                and self._keeps_shape(self.program.blocks[node.attributes["block"]])
            )
            if keeps and any(isinstance(x, Value) and x.id in found for x in node.operands):
                found |= {v.id for v in node.outputs if same_shape(v.shape, first.shape)}
        return found

    def _keeps_shape(self, called: Block) -> bool:
        return not called.is_module or called.kind in _SHAPE_KEEPING

    # text

    def class_text(self, definition: Definition, base: str) -> list[str]:
        lines = [DECORATOR, f"class {definition.name}(keras.Layer):"]
        if definition.init or definition.parameters:
            arguments = ", ".join(["self", *definition.signature, "**kwargs"])
            lines += [f"{INDENT}def __init__({arguments}):"]
            stored = [f"self.{p} = {p}" for p in definition.parameters]
            body = ["super().__init__(**kwargs)", *stored, *definition.init]
            lines += [*(INDENT * 2 + line for line in body), ""]
        for method in definition.methods:
            lines.append(f"{INDENT}def {method.name}({', '.join(['self', *method.arguments])}):")
            lines += [*(INDENT * 2 + line for line in method.lines), ""]
        if definition.parameters:
            items = [f'"{p}": self.{p}' for p in definition.parameters]
            config = ", ".join(["**super().get_config()", *items])
            lines += [f"{INDENT}def get_config(self):", f"{INDENT * 2}return {{{config}}}", ""]
        return lines[:-1]

    def read_attribute(self, entry: Entry, place: str) -> Code:
        return Code(place)

    def write_attribute(self, place: str, value: Code) -> str:
        return f"{place}.assign({value.text})"


_STATE_DTYPES = {"int": "int32", "bool": "bool"}


def named(construct: str, name: str) -> str:
    """A layer's constructor with its name as the last argument; nothing for a plain function."""
    if not construct:
        return ""
    joint = "" if construct.endswith("()") else ", "
    return f"{construct[:-1]}{joint}name={name})"


def _shape_text(shape: Shape, slots: Slots) -> str:
    hints = ["size"] * (len(shape) - 1) + ["features"]
    sizes = [
        "None" if isinstance(size, Size) else slots.literal(size, hint)
        for size, hint in zip(shape, hints, strict=False)
    ]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
