"""Running Programs and Blocks on the oracle's primitives, node by node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from polydl.errors import DataError, DTypeError, ProgramError, WeightsError
from polydl.program.binding import bind_sizes, bind_values
from polydl.program.sizes import AnySize, Size, evaluate
from polydl.program.sizes import symbols as symbols_of
from polydl.program.types import Block, Constant, DType, Node, Operand, Program, Region, Value
from polydl.reference.elementwise import NUMPY_DTYPES
from polydl.reference.primitives import REFERENCE
from polydl.reference.watch import Watch

Array = np.ndarray[Any, Any]
Environment = dict[int, Array]  # a Block's values by id

_KINDS: dict[DType, str] = {"float": "f", "int": "iu", "bool": "b"}
_INT32 = np.iinfo(np.int32)


class Held:
    """What stop_gradient gave in one run, held fixed in the runs after it.

    A derivative counts those values as constants, so finite differences must not move them: give
    one Held to a run at the point itself, then to each run near the point.
    """

    def __init__(self) -> None:
        self.values: list[Array] = []
        self.recorded = False
        self._replay: Iterator[Array] = iter(())

    @contextmanager
    def run(self) -> Iterator[None]:
        """Around one run: the first records, later ones replay."""
        if self.recorded:
            self._replay = iter(self.values)
        else:
            self.values.clear()
        yield
        self.recorded = True

    def hold(self, value: Array) -> Array:
        if self.recorded:
            return next(self._replay)
        self.values.append(value)
        return value


class Interpreter:
    """Runs a Program in float64 (integers in int32)."""

    def __init__(self, program: Program):
        self.program = program

    def run(
        self,
        weights: Mapping[str, Array],
        inputs: Sequence[Array],
        training: bool = False,
        rng: np.random.Generator | None = None,
        held: Held | None = None,
        watch: Watch | None = None,
    ) -> tuple[list[Array], dict[str, Array]]:
        """(outputs in flat order, every state's value after the run).

        weights: an array for each Entry, by path. inputs: in flat order. rng feeds random_bits.
        Raises DataError, DTypeError or WeightsError for arrays that do not fit.
        """
        root = self.program.root
        sizes = bind_sizes(self.program, [np.shape(given) for given in inputs])
        entries = self._entries(weights)
        run = _Run(self.program.blocks, sizes, entries, training, rng, held or Held(), watch)
        outputs = run.outputs(root, cast_inputs(root, inputs))
        state = {
            path: np.array(entries[path])
            for path, entry in self.program.entries.items()
            if entry.role == "state"
        }
        return outputs, state

    def _entries(self, weights: Mapping[str, Array]) -> dict[str, Array]:
        entries = {}
        for path, entry in self.program.entries.items():
            if path not in weights:
                raise WeightsError(f"there is no weight for {path}")
            array = cast(weights[path], entry.dtype, path)
            if array.shape != entry.shape:
                raise WeightsError(f"{path}: expected the shape {entry.shape}, got {array.shape}")
            entries[path] = array
        return entries


def evaluate_block(
    blocks: Mapping[str, Block],
    inputs: Sequence[Array],
    symbols: Mapping[str, int] | None = None,
    rng: np.random.Generator | None = None,
) -> list[Array]:
    """The outputs of the function Block under "", which may call the others.

    symbols: what each unknown size is; by default read off the inputs' shapes.
    """
    root = blocks[""]
    sizes = {**bind_values(root.inputs, [np.shape(x) for x in inputs]), **(symbols or {})}
    run = _Run(blocks, sizes, {}, False, rng, Held())
    return run.outputs(root, cast_inputs(root, inputs))


def cast_inputs(block: Block, inputs: Sequence[Array]) -> list[Array]:
    pairs = zip(block.inputs, inputs, strict=True)
    return [cast(given, value.dtype, f"input {value.name!r}") for value, given in pairs]


def cast(given: Any, dtype: DType, name: str) -> Array:
    """`given` in the oracle's own dtype. DTypeError for an int where a float belongs, and so on."""
    array = np.asarray(given)
    if array.dtype.kind not in _KINDS[dtype]:
        raise DTypeError(f"{name}: expected {dtype}, got {array.dtype}")
    if dtype == "int" and array.size and (array.min() < _INT32.min or array.max() > _INT32.max):
        raise DataError(f"{name}: holds integers beyond int32")
    return array.astype(NUMPY_DTYPES[dtype])


@dataclass
class _Run:
    """One evaluation: what the sizes are, and the Entries as they change."""

    blocks: Mapping[str, Block]
    sizes: Mapping[str, int]
    entries: dict[str, Array]
    training: bool
    rng: np.random.Generator | None
    held: Held
    watch: Watch | None = None
    stack: list[Block] = field(default_factory=list)  # the Blocks that are being called

    def outputs(self, root: Block, inputs: Sequence[Array]) -> list[Array]:
        with np.errstate(all="ignore"), self.held.run():  # inf and nan are results like any other
            return [np.array(value) for value in self.block(root, inputs)]

    def block(self, block: Block, inputs: Sequence[Array]) -> list[Array]:
        known = {value.id: array for value, array in zip(block.inputs, inputs, strict=True)}
        self.stack.append(block)
        self.nodes(block.nodes, known)
        self.stack.pop()
        return [_operand(output, known) for output in block.outputs]

    def nodes(self, nodes: Sequence[Node], known: Environment) -> None:
        for node in nodes:
            operands = [_operand(x, known) for x in node.operands]
            results = self.node(node, operands, known)
            if self.watch is not None:
                results = self.watch(self.stack, node, operands, results)
            for value, result in zip(node.outputs, results, strict=True):
                self.check(node, value, result)
                known[value.id] = result

    def node(self, node: Node, operands: list[Array], known: Environment) -> list[Array]:
        match node.op:
            case "call":
                return self.block(self.blocks[node.attributes["block"]], operands)
            case "read":
                return [self.entries[node.attributes["entry"]]]
            case "write":
                self.entries[node.attributes["entry"]] = operands[0]
                return []
            case "when_training":
                region = node.regions[0 if self.training else 1]
                return self.region(region, [], known)
            case "scan":
                return self.scan(node, operands, known)
            case "associative_scan":
                return self.associative_scan(node, operands, known)
            case "remat":
                return self.region(node.regions[0], operands, known)
        return [np.asarray(self.primitive(node, operands))]

    def region(self, region: Region, inputs: Sequence[Array], known: Environment) -> list[Array]:
        known.update({value.id: array for value, array in zip(region.inputs, inputs, strict=True)})
        self.nodes(region.nodes, known)
        return [_operand(output, known) for output in region.outputs]

    def scan(self, node: Node, operands: list[Array], known: Environment) -> list[Array]:
        """One slice after the other."""
        axis, count = node.attributes["axis"], node.attributes["carries"]
        carries, arrays = operands[:count], operands[count:]
        length = arrays[0].shape[axis] if arrays else self.size(node.attributes["length"])
        if length < 1:
            raise DataError(f"{node.op}: a length of {length}; there must be a first slice")
        stacks: list[list[Array]] = [[] for _ in node.outputs[count:]]
        for i in range(length)[:: -1 if node.attributes["reverse"] else 1]:
            slices = [np.take(array, i, axis) for array in arrays]
            counter = [np.asarray(i, np.int32)] if node.attributes["counted"] else []
            results = self.region(node.regions[0], [*carries, *slices, *counter], known)
            carries = results[:count]
            for stack, result in zip(stacks, results[count:], strict=True):
                stack.append(result)
        if node.attributes["reverse"]:
            stacks = [stack[::-1] for stack in stacks]
        return [*carries, *(np.stack(stack, axis) for stack in stacks)]

    def associative_scan(self, node: Node, arrays: list[Array], known: Environment) -> list[Array]:
        """One element after the other: the plain meaning."""
        axis, length = node.attributes["axis"], arrays[0].shape[node.attributes["axis"]]
        if length < 1:
            raise DataError(f"{node.op}: a length of {length}; there must be a first element")
        order = range(length)[:: -1 if node.attributes["reverse"] else 1]
        found: dict[int, list[Array]] = {}
        before: list[Array] | None = None
        for i in order:
            element = [np.take(array, i, axis) for array in arrays]
            if before is not None:
                element = self.region(node.regions[0], [*before, *element], known)
            found[i] = before = element
        columns = zip(*(found[i] for i in range(length)), strict=True)
        return [np.stack(column, axis) for column in columns]

    def primitive(self, node: Node, operands: list[Array]) -> Array:
        if node.op not in REFERENCE:
            raise ProgramError(f"there is no primitive {node.op!r}")
        attributes = {name: self.sized(value) for name, value in node.attributes.items()}
        if node.op == "random_bits":
            if self.rng is None:
                raise DataError("this program draws random numbers: give the run an rng")
            attributes["rng"] = self.rng
        if node.op == "stop_gradient":
            return self.held.hold(operands[0])
        return REFERENCE[node.op](*operands, **attributes)

    def sized(self, attribute: Any) -> Any:
        """An attribute with every Size in it replaced by its integer."""
        if isinstance(attribute, (tuple, list)):
            return tuple(map(self.sized, attribute))
        return self.size(attribute) if isinstance(attribute, Size) else attribute

    def size(self, size: AnySize) -> int:
        unbound = symbols_of([size]) - set(self.sizes)
        if unbound:
            raise ProgramError(f"the size {size} depends on {unbound}, which no input brings")
        return evaluate(size, self.sizes)

    def check(self, node: Node, value: Value, result: Array) -> None:
        """A node's result must be what its type says."""
        shape = tuple(map(self.size, value.shape))
        if result.shape != shape or result.dtype != NUMPY_DTYPES[value.dtype]:
            raise ProgramError(
                f"{node.op} gave {result.dtype}{result.shape} where the program says "
                f"{value.dtype}{shape}"
            )


def _operand(operand: Operand, known: Environment) -> Array:
    if not isinstance(operand, Constant):
        return known[operand.id]
    value = operand.value
    if isinstance(value, bool):
        return np.asarray(value)
    if isinstance(value, int):
        if not _INT32.min <= value <= _INT32.max:
            raise ProgramError(f"the integer {value} does not fit int32")
        return np.asarray(value, np.int32)
    return np.asarray(value, np.float64)
