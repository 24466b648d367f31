"""The statements of builder functions, of the model's own function, and of Layers' calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from polydl.emission.body import Body
from polydl.emission.code import Code, Slots
from polydl.emission.naming import unique
from polydl.emission.units import Unit
from polydl.program.types import Block, Node, Program, Structure, Value, values_of, walk

if TYPE_CHECKING:
    from polydl_keras.emitter import KerasEmitter

# arguments that Keras gives a meaning of its own in `call`
_CALL_ARGUMENTS = frozenset({"training", "mask", "args", "kwargs"})


class KerasBody(Body):
    """What all have in common."""

    emitter: KerasEmitter

    def _hint(self, node: Node, value: Value) -> str:
        """ "y" rather than "x2" where the name of what was passed is still needed."""
        hint = super()._hint(node, value)
        if value.name or node.op == "when_training":
            return hint
        index = self.liveness.index[id(node)]
        holders = self.holders.get(hint, [])
        busy = any(self.liveness.last_use.get(v.id, 0) > index for v in holders)
        return "y" if busy else hint


class BuilderBody(KerasBody):
    """A function over symbolic tensors: layers are made where they are called.

    held: names of the variables for layers that are called more than once.
    """

    margin = 1

    def __init__(
        self,
        emitter: KerasEmitter,
        unit: Unit,
        block: Block,
        slots: Slots,
        reserved: set[str],
        held: Mapping[Unit, str],
    ):
        self.held = held
        super().__init__(emitter, unit, block, slots, reserved | set(held.values()))

    def _write(self) -> None:
        lines = [
            f"{name} = {self.emitter.layer_text(self, unit)}" for unit, name in self.held.items()
        ]
        super()._write()
        self.lines = [*lines, *self.lines]


class RootBody(BuilderBody):
    """The function that makes the model: inputs first, a keras.Model at the end."""

    def _hint(self, node: Node, value: Value) -> str:
        """An output is called as the model's dict calls it."""
        key = output_keys(self.emitter.program).get(value.id, "")
        return key if key and not value.name else super()._hint(node, value)

    def _write(self) -> None:
        """Inputs keep their names to the end, where keras.Model takes them."""
        values = self.block.inputs
        produced = {v.name for node in self.block.nodes for v in node.outputs}
        taken = produced | self.reserved
        for value in values:
            name = self.planned[value.id] = input_variable(value, taken)
            taken = taken | {name}
            self.liveness.last_use[value.id] = len(self.liveness.index) * 4
        super()._write()
        names = [self.names[value.id] for value in values]
        self.lines = [*self.emitter.input_lines(names), *self.lines]


def input_variable(value: Value, taken: set[str]) -> str:
    """`x_input` where the author gives the name x to something else later."""
    name = value.name or "x"
    return unique(f"{name}_input", taken) if name in taken else name


class LayerBody(KerasBody):
    """A method of a Layer."""

    def _write(self) -> None:
        for value in self.block.inputs:
            if value.name in _CALL_ARGUMENTS:
                self.planned[value.id] = f"{value.name}_"
        super()._write()

    def _expression(self, node: Node) -> Code:
        """A variable is read at once where it may change before its use, or is given away."""
        code = super()._expression(node)
        return Code(f"ops.copy({code.text})") if self._needs_copy(node) else code

    def _needs_copy(self, node: Node) -> bool:
        if node.op != "read":
            return False
        if not self.liveness.is_inlined(node.output):
            return True
        given = [use for use in self.liveness.uses[node.output.id] if use.node is None]
        entry = node.attributes["entry"]
        written = [
            self.liveness.index[id(other)]
            for other in walk(self.block.nodes)
            if other.op == "write" and other.attributes["entry"] == entry
        ]
        return any(use.body == 0 or max(written, default=0) > use.index for use in given)


def output_keys(program: Program) -> dict[int, str]:
    """For each output of the model (by id) its key, where it is an item of a dict."""
    found: dict[int, str] = {}
    leaves = iter(program.root.outputs)

    def visit(structure: Structure, key: str) -> None:
        if structure is None:
            leaf = next(leaves)
            if isinstance(leaf, Value) and key.isidentifier():
                found[leaf.id] = key
            return
        kind, parts = structure
        for name, part in parts.items() if kind == "dict" else ((key, p) for p in parts):
            visit(part, name)

    visit(program.outputs, "")
    return found


def nested_layers(block: Block, makes_layer: Mapping[int, bool]) -> set[int]:
    """Values that come from a layer and go into another: each gets a statement of its own.

    makes_layer: for each node (by id) whether it calls something that makes layers.
    """
    producers = {v.id: node for node in block.nodes for v in node.outputs}

    def from_layer(value: Value) -> bool:
        node = producers.get(value.id)
        if node is None:
            return False
        inner = (v for v in values_of(node.operands) if not v.name)
        return makes_layer[id(node)] or any(map(from_layer, inner))

    layers = [node for node in block.nodes if makes_layer[id(node)]]
    return {v.id for node in layers for v in values_of(node.operands) if from_layer(v)}
