"""Operations with a region that is a function: what they mean, and the types of what they give.

    scan              A loop along an axis. Operands: the first carries, then arrays, all of one
                      length along `axis`. The region takes carries and a slice of each array, the
                      axis removed, and gives the next carries and any number of outputs. Gives the
                      last carries, and the outputs stacked along `axis`, each where its slice was.
                      Attributes: `carries`, how many there are; `reverse`, from the last slice to
                      the first; `length`, where no array says it; `counted`, the region also takes
                      the number of the slice, an int.
    associative_scan  Running combinations along an axis. Operands: arrays. The region takes an
                      element of each, the axis removed, then another of each, and combines them.
                      It acts on each number, or multiplies matrices, so that backends can let it
                      combine many elements at once; and it is associative, so that they choose how.
    remat             The region's outputs. Differentiation computes what is in it again, from the
                      state of the first time; state is updated once.

State is not written in them: backends differ in how often they run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polydl.errors import DefinitionError, DTypeError, ShapeError
from polydl.primitives.record import PRIMITIVES, Type, normal_axis, type_of
from polydl.program.sizes import AnySize, Size, same, same_shape
from polydl.program.types import Block, Node, Operand, Region, Value, values_of

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class RegionOp:
    """One of the operations.

    kinds: the type of each attribute. attributes: their defaults, `...` where one must be given.
    takes(operands, attributes): the types of the region's inputs. gives(operands, the region's
    outputs, attributes): those of the node's outputs. Both raise ShapeError or DTypeError.
    """

    name: str
    kinds: Mapping[str, Any]
    attributes: Mapping[str, Any]
    takes: Callable[[Sequence[Type], Attributes], list[Type]]
    gives: Callable[[Sequence[Type], Sequence[Type], Attributes], list[Type]]


def node_length(node: Node) -> AnySize:
    """How many iterations a scan has that stands in a Program."""
    return scan_length([type_of(operand) for operand in node.operands], node.attributes)


def scan_length(operands: Sequence[Type], attributes: Attributes) -> AnySize:
    """How many iterations a scan has."""
    count, axis, length = (attributes[name] for name in ("carries", "axis", "length"))
    if not 0 <= count <= len(operands):
        raise ShapeError(f"scan: {count} carries of {len(operands)} operands")
    found: AnySize | None = length
    for array in operands[count:]:
        if axis < 0 or not array.shape or normal_axis("scan", axis, len(array.shape)) != axis:
            raise ShapeError(f"scan: {array} has no axis {axis}")
        if found is not None and not same(found, array.shape[axis]):
            raise ShapeError(
                f"scan: {array} has {array.shape[axis]} slices on axis {axis}, not {found}"
            )
        found = array.shape[axis]
    if found is None:
        raise ShapeError("scan: nothing to scan over, and no length")
    if isinstance(found, int) and found < 1:
        raise ShapeError(f"scan: a length of {found}; there must be a first slice")
    return found


def _scan_takes(operands: Sequence[Type], attributes: Attributes) -> list[Type]:
    scan_length(operands, attributes)
    count, axis = attributes["carries"], attributes["axis"]
    counter = [Type((), "int")] if attributes["counted"] else []
    return [*operands[:count], *(_without(array, axis) for array in operands[count:]), *counter]


def _scan_gives(
    operands: Sequence[Type], outputs: Sequence[Type], attributes: Attributes
) -> list[Type]:
    count, axis = attributes["carries"], attributes["axis"]
    length = scan_length(operands, attributes)
    _require_same("scan: a carry", operands[:count], outputs[:count])
    for output in outputs[count:]:
        if not 0 <= axis <= len(output.shape):
            raise ShapeError(f"scan: an output {output} cannot be stacked along axis {axis}")
    stacked = (
        Type((*out.shape[:axis], length, *out.shape[axis:]), out.dtype) for out in outputs[count:]
    )
    return [*outputs[:count], *stacked]


def _associative_takes(operands: Sequence[Type], attributes: Attributes) -> list[Type]:
    scan_length(operands, {"carries": 0, "length": None, **attributes})
    return [_without(array, attributes["axis"]) for array in operands] * 2


def _associative_gives(
    operands: Sequence[Type], outputs: Sequence[Type], attributes: Attributes
) -> list[Type]:
    elements = [_without(array, attributes["axis"]) for array in operands]
    _require_same("associative_scan: an element", elements, outputs)
    return list(operands)


def _without(array: Type, axis: int) -> Type:
    return Type((*array.shape[:axis], *array.shape[axis + 1 :]), array.dtype)


def _require_same(what: str, before: Sequence[Type], after: Sequence[Type]) -> None:
    if len(before) != len(after):
        raise ShapeError(f"{what}: {len(before)} go in and {len(after)} come out")
    for a, b in zip(before, after, strict=True):
        if a.dtype != b.dtype or not same_shape(a.shape, b.shape):
            kind = DTypeError if a.dtype != b.dtype else ShapeError
            raise kind(f"{what} is {a} going in and {b} coming out")


_SCAN = {"carries": int, "axis": int, "reverse": bool, "length": int | Size | None, "counted": bool}

REGION_OPS: dict[str, RegionOp] = {
    "scan": RegionOp(
        "scan",
        _SCAN,
        {"carries": ..., "axis": 0, "reverse": False, "length": None, "counted": False},
        _scan_takes,
        _scan_gives,
    ),
    "associative_scan": RegionOp(
        "associative_scan",
        {"axis": int, "reverse": bool},
        {"axis": 0, "reverse": False},
        _associative_takes,
        _associative_gives,
    ),
    "remat": RegionOp(
        "remat", {}, {}, lambda operands, _: list(operands), lambda _, outputs, __: list(outputs)
    ),
}


class Reach:
    """Which nodes of an op a Block runs, itself or in what it calls. Remembers what it found."""

    def __init__(self, blocks: Mapping[str, Block], op: str):
        self.blocks, self.op = blocks, op
        self._found: dict[str, Node | None] = {}

    def block(self, key: str) -> Node | None:
        """The first such node of a Block."""
        if key not in self._found:
            self._found[key] = None  # a Block does not call itself: `verify` sees to that
            self._found[key] = self.nodes(self.blocks[key].nodes)
        return self._found[key]

    def nodes(self, nodes: Iterable[Node]) -> Node | None:
        """The first such node of these, of their regions and of what they call."""
        for node in nodes:
            found = node if node.op == self.op else None
            if node.op == "call":
                found = self.block(node.attributes["block"])
            for region in node.regions:
                found = found or self.nodes(region.nodes)
            if found is not None:
                return found
        return None


def check_region(op: str, region: Region, writes: Reach, draws: Reach) -> None:
    """Raise DefinitionError for what the region of one of these operations must not do."""
    written = None if op == "remat" else writes.nodes(region.nodes)
    if written is not None:
        path = written.attributes["entry"]
        raise DefinitionError(
            f"dl.{op} cannot update state ({path}): how often its function runs is the "
            "framework's choice. Pass the state in, carry it from step to step, and update it "
            "afterwards"
        )
    if op == "associative_scan" and draws.nodes(region.nodes) is not None:
        raise DefinitionError("dl.associative_scan cannot draw random numbers: draw them before it")


def check_combines(region: Region, axis: int, blocks: Mapping[str, Block]) -> None:
    """Raise DefinitionError unless a combining function can take many elements at once."""
    rank = len(region.inputs[0].shape)
    if any(len(value.shape) != rank for value in region.inputs):
        raise DefinitionError("dl.associative_scan: the arrays must have equally many axes")
    elements = {value.id for value in region.inputs}
    _check_many(region.nodes, elements, rank, axis, blocks)
    if not all(_is_in(output, elements) for output in region.outputs):
        raise DefinitionError(
            "dl.associative_scan: what its function gives must depend on elements"
        )


def _check_many(
    nodes: Sequence[Node], elements: set[int], rank: int, axis: int, blocks: Mapping[str, Block]
) -> None:
    """elements: ids of values with one axis more where many elements are combined at once."""
    for node in nodes:
        given = list(values_of(node.operands))
        if not any(v.id in elements for v in given):
            continue
        outside = [v for v in given if v.id not in elements]
        fits = all(len(v.shape) == rank for v in given if v.id in elements)
        fits = fits and all(len(v.shape) <= rank - axis for v in outside)
        called = blocks[node.attributes["block"]] if node.op == "call" else None
        if called is not None and not called.is_module:
            inner = {
                value.id
                for operand, value in zip(node.operands, called.inputs, strict=True)
                if _is_in(operand, elements)
            }
            _check_many(called.nodes, inner, rank, axis, blocks)
        elif node.op == "matmul":
            fits = fits and axis <= rank - 2
        else:
            fits = fits and node.op in PRIMITIVES and PRIMITIVES[node.op].elementwise
        if not fits:
            raise DefinitionError(
                f"dl.associative_scan: its function uses {node.op} on {given}. It may only act on "
                "each number, or multiply matrices that stand on the last two axes, for many "
                "elements are combined at once. Use dl.scan for others"
            )
        elements.update(value.id for value in node.outputs)


def _is_in(operand: Operand, ids: set[int]) -> bool:
    return isinstance(operand, Value) and operand.id in ids
