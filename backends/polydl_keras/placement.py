"""Which modules become builder functions over stock layers, and which registered Layers.

A functional model is a graph of layers and operations on symbolic tensors. A module whose body is
such a graph is written as a plain function that extends it; the model then loads in any Keras
process. A module that needs more (weights of its own, the mode, sizes known at run time, another
module's weights) becomes a Layer, and so does everything inside it.
"""

from __future__ import annotations

from polydl.emission.units import Unit, UnitTable
from polydl.program.regions import REGION_OPS
from polydl.program.sizes import Size
from polydl.program.types import Block, Constant, Node, Program, Value, values_of, walk

IN_LAYERS = "in_layers"  # the layout of a native that symbolic tensors cannot carry
# keras.ops.segment_sum asks of its data alone whether it is symbolic
_UNFIT = frozenset({"read", "write", "when_training", "random_bits", "scatter_add", *REGION_OPS})
_COMPARISONS = ("greater", "greater_equal", "less", "less_equal")
_BITS = ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift")
_PICKING = {"take": 0, "take_along_axis": -1, "scatter_add": 0}  # and the axis, if none is given


class Placement:
    """The form of every module of a Program.

    Keras takes a symbolic tensor times a number for sparse (ops.Multiply asks the number), and then
    cannot trace a Layer that is called on it. So where there are Layers at all, a module that
    multiplies by a number becomes one too.
    """

    def __init__(self, program: Program, units: UnitTable):
        self.program, self.units = program, units
        self.multiplies = True  # whether builders may multiply by numbers
        self.callers: dict[Unit, list[Unit]] = {u: [] for u in units.modules.values()}
        self.whole: set[Unit] = set()  # must hold what is below it as attributes
        self._builders: dict[Unit, bool] = {}
        self._modes: dict[str, bool] = {}
        self._note_calls()
        self._note_sharing()
        modules = units.modules.values()
        if any(unit.native is None and not self.is_builder(unit) for unit in modules):
            self.multiplies = False
            self._builders.clear()

    # calls and sharing

    def _note_calls(self) -> None:
        for unit in self.units.modules.values():
            if unit.native is not None:
                continue
            for block in unit.blocks:
                for node in walk(block.nodes):
                    called = self._called(node)
                    if called is not None and called.is_module:
                        self.callers[self.units.modules[called.path]].append(unit)

    def _called(self, node: Node) -> Block | None:
        return self.program.blocks[node.attributes["block"]] if node.op == "call" else None

    def _note_sharing(self) -> None:
        for unit, callers in self.callers.items():
            if unit.parent is None:
                continue
            users = {unit.parent, *callers}
            if len(users) > 1:
                self.whole.add(_above(users))
            if unit.native is None and len(unit.blocks) > 1:  # has a method for each signature
                self.whole.add(unit.parent)
        for user in self.units.modules.values():
            for used in user.borrowed.values():
                self.whole.add(_above({user, used}))

    # forms

    def is_builder(self, unit: Unit) -> bool:
        """Whether a module is written as a function over symbolic tensors."""
        if unit not in self._builders:
            self._builders[unit] = (
                unit.native is None
                and unit not in self.whole
                and self._has_builder_above(unit)
                and len(unit.blocks) == 1
                and (unit.parent is None or len(self.callers[unit]) == 1)
                and self._fits(unit.block)
            )
        return self._builders[unit]

    def _has_builder_above(self, unit: Unit) -> bool:
        return unit.parent is None or self.is_builder(unit.parent)

    def is_held(self, unit: Unit) -> bool:
        """Whether a builder calls the layer more than once, and so needs a variable for it."""
        return (
            not self.is_builder(unit)
            and unit.parent is not None
            and self.is_builder(unit.parent)
            and self.makes_layers(unit)
            and len(self.callers[unit]) > 1
        )

    def makes_layers(self, unit: Unit) -> bool:
        """Whether a module is, or makes, layers: then it takes a name."""
        if unit.native is not None:
            return bool(unit.native.construct)
        return not self.is_builder(unit) or any(map(self.makes_layers, unit.children.values()))

    def _fits(self, block: Block) -> bool:
        """Whether symbolic tensors can carry a body, and its outputs follow from its inputs."""
        followers = {value.id for value in block.inputs}
        for node in block.nodes:
            if node.op in _UNFIT or _has_unknown_sizes(node) or _masks_bits(node):
                return False
            called = self._called(node)
            if called is not None:
                table = self.units.modules if called.is_module else self.units.functions
                native = table[called.path if called.is_module else called.key].native
                if native is not None and native.layout == IN_LAYERS:
                    return False
                if native is None and not called.is_module and not self._fits(called):
                    return False
            symbolic = [isinstance(x, Value) and x.id in followers for x in node.operands]
            if node.op == "multiply" and not all(symbolic) and not self.multiplies:
                return False
            if _starts_concrete(node, symbolic):
                return False
            if called is not None and called.is_module and not any(symbolic):
                return False  # computed while the model is built, and no part of it
            if any(symbolic):
                followers |= {value.id for value in node.outputs}
        follow = all(isinstance(x, Value) and x.id in followers for x in block.outputs)
        return follow and self._uses_all_layers(block)

    def _uses_all_layers(self, block: Block) -> bool:
        """Whether every layer leads to an output: a functional model drops those that do not."""
        needed = {value.id for value in values_of(block.outputs)}
        for node in reversed(block.nodes):
            called = self._called(node)
            if any(value.id in needed for value in node.outputs):
                needed |= {value.id for value in values_of(node.operands)}
            elif called is not None and called.is_module:
                return False
        return True

    # the mode

    def uses_mode(self, block: Block) -> bool:
        """Whether a call behaves differently in training."""
        if block.key not in self._modes:
            self._modes[block.key] = False
            self._modes[block.key] = any(
                node.op == "when_training"
                or ((called := self._called(node)) is not None and self.uses_mode(called))
                for node in walk(block.nodes)
            )
        return self._modes[block.key]

    def draws(self, unit: Unit) -> bool:
        """Whether a module's own body draws random bits."""
        return any(node.op == "random_bits" for b in unit.blocks for node in walk(b.nodes))


def _starts_concrete(node: Node, symbolic: list[bool]) -> bool:
    """Whether a tensor that is no symbolic one is left in a comparison, which TensorFlow then does."""
    left = bool(node.operands) and isinstance(node.operands[0], Value) and not symbolic[0]
    return left and any(symbolic) and node.op in _COMPARISONS


def _masks_bits(node: Node) -> bool:
    """Whether a node works on bits with a number, which keras.ops refuse on symbolic tensors."""
    if node.op == "shift_right_logical":
        return True
    constant = any(isinstance(x, Constant) for x in node.operands)
    return node.op in _BITS and constant


def _has_unknown_sizes(node: Node) -> bool:
    """Whether a node needs sizes that symbolic tensors do not know."""
    unknown = sum(isinstance(size, Size) for size in node.attributes.get("shape", ()))
    if node.op == "arange":
        return any(isinstance(node.attributes.get(k), Size) for k in ("size", "start"))
    if node.op in _PICKING:
        table: Value | Constant = node.operands[0]
        axis = node.attributes.get("axis", _PICKING[node.op])
        return isinstance(table, Value) and isinstance(table.shape[axis], Size)
    return unknown > (1 if node.op == "reshape" else 0)


def _above(units: set[Unit]) -> Unit:
    """The innermost module that all of these are, or are inside of."""
    first, *others = units
    return next(a for a in first.ancestors() if all(a in other.ancestors() for other in others))
