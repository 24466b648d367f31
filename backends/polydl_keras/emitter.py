"""A Program as a functional keras.Model."""

from __future__ import annotations

import hashlib
import keyword
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from polydl.emission.body import Body
from polydl.emission.code import Code, Slots
from polydl.emission.emitted import Emitted
from polydl.emission.merging import Definition, Draft
from polydl.emission.naming import unique
from polydl.emission.native import Native
from polydl.emission.units import Unit
from polydl.emission.wrap import wrap
from polydl.errors import BackendError
from polydl.program.regions import node_length
from polydl.program.sizes import Size
from polydl.program.types import Block, Node, Program, walk
from polydl_keras import natives, primitives
from polydl_keras.bodies import BuilderBody, KerasBody, LayerBody, RootBody
from polydl_keras.engine import on_tensorflow
from polydl_keras.functional import BUILDER, FunctionalEmitter
from polydl_keras.layer_class import DECORATOR, REGISTER
from polydl_keras.placement import Placement
from polydl_keras.primitives.common import transposed
from polydl_keras.scans import ASSOCIATIVE_SCAN, REMAT, SCAN_TOGETHER, scans_alike

SUPPORT = {
    **natives.SUPPORT,
    **primitives.SUPPORT,
    "associative_scan": ASSOCIATIVE_SCAN,
    "scan_together": SCAN_TOGETHER,
    "remat": REMAT,
}

TRAINING = Code("training=training")


class KerasEmitter(FunctionalEmitter):
    """Builder functions where stock layers can carry a Block, registered Layers elsewhere."""

    def __init__(self, program: Program, *arguments: Any, **options: Any):
        super().__init__(scans_alike(program), *arguments, **options)

    primitives = primitives.PRIMITIVES
    natives = natives.NATIVES
    support = SUPPORT
    reshapes_like = False
    remat_takes_all = True  # TensorFlow gives others no gradient
    remat_in_loops = False  # TensorFlow finds no gradient
    reserved_names = frozenset({"keras", "layers", "ops", "np", "tf", *SUPPORT, *keyword.kwlist})

    def header(self, body: str) -> list[str]:
        lines = ["import keras"]
        lines += [f"import {m}" for m, alias in _MODULES if re.search(rf"\b{alias}\.", body)]
        used = [name for name in ("layers", "ops") if re.search(rf"(?<![\w.]){name}\.", body)]
        if used:
            lines.append(f"from keras import {', '.join(used)}")
        if self.dtype != "float32":
            lines += ["", f'keras.config.set_floatx("{self.dtype}")']
            lines.append(f'keras.config.set_dtype_policy("{self.dtype}")')
        if self.computes:
            lines += ["", f'keras.config.set_dtype_policy("mixed_{self.computes}")']
        return lines

    # the way to text

    def emit(self, more: Callable[[], list[str]] | None = None) -> Emitted:
        def rest() -> list[str]:
            lines = []
            if not self.placement.is_builder(self.units.root):
                lines += [*self.around_layer(self.entry_name()), "", ""]
            return [*lines, *(more() if more is not None else [])]

        emitted = super().emit(rest)
        digest = hashlib.sha256(emitted.source.encode()).hexdigest()[:8]
        # Keras finds classes of saved models by package and name: another text needs another package
        return replace(emitted, source=emitted.source.replace(DECORATOR, REGISTER.format(digest)))

    def entry_name(self) -> str:
        root = self.units.root
        if self.placement.is_builder(root):
            return super().entry_name()
        return unique(f"build_{self.model_name}", self.defined_names | self.taken)

    def holds(self, root: Block) -> bool:
        """The function that makes the model gives a single output as it comes."""
        return len(root.outputs) > 1

    def native(self, block: Block) -> Native | None:
        """The model itself may be a stock layer: the function that makes it stands around it."""
        return self.plain_native(block) if block.key == "" else super().native(block)

    @property
    def loops(self) -> bool:
        """Whether ops.scan is written, which XLA has no gradient of: it does not bound its loop."""
        written = (b for b in self.program.blocks.values() if self.native(b) is None)
        return any(node.op in ("scan", "map") for b in written for node in walk(b.nodes))

    def _define_all(self) -> list[Definition]:
        """Functions, Layers, builders: each after what it uses."""
        self.placement = Placement(self.program, self.units)
        definitions = super()._define_all()
        builders = [d for d in definitions if BUILDER in d.needs]
        return [d for d in definitions if BUILDER not in d.needs] + builders

    def text_of(self, definition: Definition) -> list[str]:
        if BUILDER not in definition.needs:
            return super().text_of(definition)
        return [part for line in self.builder_text(definition) for part in wrap(line)]

    def module_draft(self, unit: Unit) -> Draft:
        is_builder = self.placement.is_builder(unit)
        return self.builder_draft(unit) if is_builder else self.layer_draft(unit)

    def function_draft(self, unit: Unit) -> Draft:
        for node in walk(unit.block.nodes):
            if node.op in ("when_training", "random_bits"):
                raise BackendError(
                    f"{unit.block.class_name}: a function takes no {node.op} in Keras"
                )
        return super().function_draft(unit)

    def body_of(self, unit: Unit, block: Block, slots: Slots) -> Body:
        reserved = self._reserved(unit)
        if not unit.is_module:
            return KerasBody(self, unit, block, slots, reserved)
        if not self.placement.is_builder(unit):
            return LayerBody(self, unit, block, slots, reserved | {"training"})
        reserved |= {"name", "i"}
        kind = RootBody if unit.parent is None else BuilderBody
        return kind(self, unit, block, slots, reserved, self.held_names(unit, reserved))

    def _reserved(self, unit: Unit) -> set[str]:
        """Names that a body calls must not be hidden by its variables."""
        called = [self.units.functions[key] for key in unit.callees]
        called += [child for child in self.units.modules.values() if unit in child.ancestors()]
        defined = {u.definition.name for u in called if u.definition is not None}
        return set(self.reserved_names) | defined | {"self"}

    # calls

    def call(self, body: Body, node: Node, arguments: list[Code]) -> Code:
        called = self.program.blocks[node.attributes["block"]]
        if called.is_module:
            unit = self.units.modules[called.path]
            if isinstance(body, BuilderBody) and self.placement.is_builder(unit):
                return self.builder_call(body, unit, arguments)
            arguments = self._with_mode(body, called, arguments)
        return super().call(body, node, arguments)

    def _with_mode(self, body: Body, called: Block, arguments: list[Code]) -> list[Code]:
        passed = isinstance(body, LayerBody) and self.placement.uses_mode(called)
        return [*arguments, TRAINING] if passed else arguments

    def callee(self, body: Body, unit: Unit, target: str) -> str:
        if isinstance(body, BuilderBody):
            return body.held.get(unit) or self.layer_text(body, unit)
        return super().callee(body, unit, target)

    def loop_length(self, body: Body, nodes: Sequence[Node], start: int) -> int:
        """In a builder, the items of a loop must be made alike."""
        count = super().loop_length(body, nodes, start)
        items = [self._called_unit(node) for node in nodes[start : start + count]]
        if not isinstance(body, BuilderBody):
            return count
        alike = len({*map(self._made, items)}) < 2 and not any(item in body.held for item in items)
        return count if alike else 0

    def _called_unit(self, node: Node) -> Unit:
        return self.units.modules[self.program.blocks[node.attributes["block"]].path]

    def _made(self, unit: Unit) -> str:
        if unit.native is not None or not self.placement.is_builder(unit):
            return self.plain_construct(unit)
        assert unit.definition is not None
        return repr((unit.definition.name, unit.arguments))

    def loop(self, body: Body, nodes: Sequence[Node], arguments: list[Code]) -> tuple[str, Code]:
        called = self.program.blocks[nodes[0].attributes["block"]]
        if isinstance(body, BuilderBody):
            unit = self.units.modules[called.path]
            return self.builder_loop(body, unit, called, len(nodes), arguments)
        return super().loop(body, nodes, self._with_mode(body, called, arguments))

    # where weights are

    def native_path(self, owner: Unit, name: str) -> str:
        """`layer name/attribute.path`: "conv1/kernel", "encoder/blocks.0.norm.scale"."""
        steps: list[str] = []
        layer = owner
        while layer.parent is not None and not self.placement.is_builder(layer.parent):
            steps += [str(layer.position)] if layer.position is not None else []
            steps.append(layer.attribute)
            layer = layer.parent
        return f"{self.layer_name(layer)}/{'.'.join([*steps[::-1], name])}"

    # regions that are functions

    def scan_text(self, node: Node, step: str, carry: str, arrays: str, length: str) -> str:
        """A length that is not known before may come as an array, but not as itself."""
        backwards = ", reverse=True" if node.attributes["reverse"] else ""
        function, over = "ops.scan", self.counter(Code(length)) if length else arrays
        together = len(node.operands) - node.attributes["carries"] + node.attributes["counted"]
        if together > 1 and on_tensorflow() and isinstance(node_length(node), Size):
            function = "scan_together"
            self.use_support(function)
        return f"{function}({step}, {carry}, {over}{backwards})"

    def map_text(self, function: str, arrays: str) -> str:
        return f"ops.map({function}, {arrays})"

    def axis_moved(self, array: Code, axis: int, to: int) -> Code:
        if {axis, to} == {0, 1}:
            return Code(f"ops.swapaxes({array.text}, 0, 1)")
        return Code(f"ops.moveaxis({array.text}, {axis}, {to})")

    def counter(self, size: Code) -> str:
        return f'ops.arange({size.text}, dtype="int32")'

    def associative_scan_text(self, combine: str, arrays: str, axis: int, reverse: bool) -> str:
        self.use_support("associative_scan")
        backwards = ", reverse=True" if reverse else ""
        return f"associative_scan({combine}, {arrays}, {axis}{backwards})"

    def remat_text(
        self, body: Body, node: Node, block: str, definition: list[str], arguments: list[str]
    ) -> str:
        called = f"keras.remat({block})"
        if self.why_not_again(node):
            called = block
        elif self.effects.writes(node) or self.effects.draws(node):
            self.use_support("remat")
            inner = [line.strip() for line in definition if line.strip()][1:]
            one = re.fullmatch(r"return (self\.[\w.\[\]]+)\([^()]*\)", " ".join(inner))
            called = f"remat({one[1] if one else 'self'}, {block})"
        return f"{called}({', '.join(arguments)})"

    # sizes

    def transposed(self, code: Code, axes: tuple[int, ...]) -> Code:
        return transposed(code, axes)

    def dimension(self, code: Code, axis: int) -> Code:
        return Code(f"ops.shape({code.text})[{axis}]")

    def shape_of(self, code: Code) -> Code:
        return Code(f"ops.shape({code.text})")

    def element_count(self, code: Code) -> Code:
        return Code(f"ops.size({code.text})")


_MODULES = (("numpy as np", "np"), ("tensorflow as tf", "tf"))
