"""What holds of the nodes of one Block. See `polydl.program.verify`."""

from __future__ import annotations

from collections.abc import Sequence

from polydl.errors import PolydlError, ProgramError
from polydl.primitives.record import Type, infer, type_of
from polydl.program.attributes import require_attributes, require_kinds, sizes_in
from polydl.program.limits import MAX_RANK, MAX_REGION_DEPTH, MAX_SIZE
from polydl.program.names import is_variable, require, shown
from polydl.program.regions import REGION_OPS, Reach, check_combines, check_region
from polydl.program.sizes import MAX_SIZE_TEXT, AnySize, Size, same_shape
from polydl.program.types import Block, Constant, Entry, Node, Operand, Program, Region, Value

_DTYPES = ("float", "int", "bool")
_INT32 = 2**31


class Body:
    """The check of one Block. `calls` and `count` are then the keys it calls and its nodes."""

    def __init__(
        self, program: Program, block: Block, symbols: frozenset[str], known_sizes: set[str]
    ):
        self.program, self.block = program, block
        self.symbols, self.known_sizes = symbols, known_sizes  # known: sizes looked at before
        self.visible: dict[int, Value] = {}
        self.order: list[int] = []  # ids of the visible values, as they were made
        self.made: set[int] = set()  # ids of all values, those of regions that have ended too
        self.calls: list[str] = []
        self.functions: list[Node] = []  # the nodes with regions that are functions
        self.count = 0

    def verify(self) -> None:
        """Raise ProgramError that names the node."""
        for value in self.block.inputs:
            self._make(value)
        self._nodes(self.block.nodes, 0)
        self._results(self.block.outputs)

    def _nodes(self, nodes: Sequence[Node], depth: int) -> None:
        for i, node in enumerate(nodes):
            try:
                self._node(node, depth)
            except ProgramError as error:
                raise ProgramError(f"node {i} ({node.op[:40]}): {error}") from error.__cause__

    def _node(self, node: Node, depth: int) -> None:
        self.count += 1
        for operand in node.operands:
            self._use(operand)
        if node.regions and node.op != "when_training" and node.op not in REGION_OPS:
            raise ProgramError("it takes no regions")
        if node.regions and depth == MAX_REGION_DEPTH:
            raise ProgramError(f"regions are nested deeper than {MAX_REGION_DEPTH}")
        match node.op:
            case "call":
                self._call(node)
            case "read":
                self._read(node)
            case "write":
                self._write(node)
            case "when_training":
                self._when_training(node, depth)
            case op if op in REGION_OPS:
                self._function(node, depth)
            case _:
                self._primitive(node)
        for value in node.outputs:
            self._make(value)

    def _primitive(self, node: Node) -> None:
        require_attributes(node.op, node.attributes)
        for attribute in node.attributes.values():
            for size in sizes_in(attribute):
                self._size(size)
        try:
            derived = infer(node.op, node.operands, node.attributes)
        except (PolydlError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise ProgramError(str(error)) from error
        self._gives(node, [derived])

    def _call(self, node: Node) -> None:
        key, target = self._strings(node, "block", "target")
        called = self.program.blocks.get(key)
        if called is None:
            raise ProgramError(f"there is no block {shown(key)}")
        if called.is_module and not self.block.is_module:
            raise ProgramError(f"a function cannot call the module {shown(key)}")
        path = ".".join(filter(None, (self.block.path, target)))
        if bool(target) != called.is_module or (
            target and self.program.aliases.get(path, path) != called.path
        ):
            raise ProgramError(f"the target {shown(target)} does not lead to {shown(key)}")
        given = [_value_type(operand, "a call") for operand in node.operands]
        wanted = [type_of(value) for value in called.inputs]
        if not _same_types(given, wanted):
            raise ProgramError(f"{shown(key)} takes {wanted}, is given {given}")
        self._gives(node, [_value_type(value, "an output") for value in called.outputs])
        self.calls.append(key)

    def _read(self, node: Node) -> None:
        entry = self._entry(node)
        if node.operands:
            raise ProgramError("a read takes no operands")
        self._gives(node, [Type(entry.shape, entry.dtype)])

    def _write(self, node: Node) -> None:
        entry = self._entry(node)
        if entry.role != "state":
            raise ProgramError(f"{shown(entry.path)} is a parameter; only state is written")
        given = [_value_type(operand, "a write") for operand in node.operands]
        wanted = [Type(entry.shape, entry.dtype)]
        if not _same_types(given, wanted):
            raise ProgramError(f"{shown(entry.path)} is {wanted[0]}, is given {given}")
        self._gives(node, [])

    def _when_training(self, node: Node, depth: int) -> None:
        if node.operands or node.attributes or len(node.regions) != 2:
            raise ProgramError("it takes two regions, no operands and no attributes")
        for side, region in zip(("training", "inference"), node.regions, strict=True):
            try:
                self._gives(node, self._region(region, [], depth))
            except ProgramError as error:
                raise ProgramError(f"{side}: {error}") from error.__cause__

    def _function(self, node: Node, depth: int) -> None:
        """One of the operations whose region is a function."""
        known = REGION_OPS[node.op]
        if len(node.regions) != 1:
            raise ProgramError("it takes one region")
        require_kinds(known.kinds, node.attributes)
        for size in sizes_in(tuple(node.attributes.values())):
            self._size(size)
        operands = [_value_type(operand, f"a {node.op}") for operand in node.operands]
        try:
            takes = known.takes(operands, node.attributes)
            given = self._region(node.regions[0], takes, depth)
            self._gives(node, known.gives(operands, given, node.attributes))
        except ProgramError:
            raise
        except PolydlError as error:
            raise ProgramError(str(error)) from error
        self.functions.append(node)

    def _region(self, region: Region, takes: list[Type], depth: int) -> list[Type]:
        """What a region gives, once it is verified."""
        outside = len(self.order)
        for value in region.inputs:
            self._make(value)
        if not _same_types(list(map(type_of, region.inputs)), takes):
            raise ProgramError(f"its region takes {list(region.inputs)}, is given {takes}")
        self._nodes(region.nodes, depth + 1)
        results = self._results(region.outputs)
        for made in self.order[outside:]:  # what a region makes is not seen outside of it
            del self.visible[made]
        del self.order[outside:]
        return results

    def verify_functions(self, writes: Reach, draws: Reach) -> None:
        """What the regions that are functions must not do. Once it is known that calls end."""
        for node in self.functions:
            try:
                check_region(node.op, node.regions[0], writes, draws)
                if node.op == "associative_scan":
                    check_combines(node.regions[0], node.attributes["axis"], self.program.blocks)
            except PolydlError as error:
                raise ProgramError(str(error)) from error

    def _entry(self, node: Node) -> Entry:
        (path,) = self._strings(node, "entry")
        entry = self.program.entries.get(path)
        if entry is None:
            raise ProgramError(f"there is no entry {shown(path)}")
        if not self.block.is_module:
            raise ProgramError(f"a function cannot use the entry {shown(path)}")
        return entry

    @staticmethod
    def _strings(node: Node, *names: str) -> list[str]:
        given = node.attributes
        if set(given) != set(names) or not all(type(given[name]) is str for name in names):
            raise ProgramError(f"its attributes are strings: {', '.join(names)}")
        return [given[name] for name in names]

    def _results(self, outputs: Sequence[Operand]) -> list[Type]:
        for operand in outputs:
            self._use(operand)
        return [_value_type(operand, "an output") for operand in outputs]

    @staticmethod
    def _gives(node: Node, derived: list[Type]) -> None:
        stated = [type_of(value) for value in node.outputs]
        if not _same_types(stated, derived):
            raise ProgramError(f"it gives {derived}, but {stated} is stated")

    def _use(self, operand: Operand) -> None:
        if isinstance(operand, Constant):
            if type(operand.value) not in (bool, int, float):
                raise ProgramError(f"the operand {shown(operand.value)} is no plain number")
            if type(operand.value) is int and not -_INT32 <= operand.value < _INT32:
                raise ProgramError(f"{operand.value} does not fit into int32")
            return
        made = self.visible.get(operand.id)
        if made is None:
            hidden = operand.id in self.made
            why = "made in a region that has ended" if hidden else "made by nothing before it"
            raise ProgramError(f"{operand} is {why}")
        if made is not operand and not _same_types([type_of(made)], [type_of(operand)]):
            raise ProgramError(f"{operand} is {type_of(operand)} here, was made {type_of(made)}")

    def _make(self, value: Value) -> None:
        if type(value.id) is not int or not 0 <= value.id < _INT32:
            raise ProgramError(f"a value's id is a number from 0, got {shown(value.id)}")
        if value.id in self.made:
            raise ProgramError(f"{value} is made twice")
        require(value.dtype in _DTYPES, value.dtype, "dtype; use 'float', 'int' or 'bool'")
        require(not value.name or is_variable(value.name), value.name, f"name for {value}")
        if len(value.shape) > MAX_RANK:
            raise ProgramError(f"{value} has {len(value.shape)} axes; at most {MAX_RANK}")
        for size in value.shape:
            self._size(size)
        self.made.add(value.id)
        self.order.append(value.id)
        self.visible[value.id] = value

    def _size(self, size: AnySize) -> None:
        if type(size) is int:
            require(0 <= size <= MAX_SIZE, size, f"size: 0 to {MAX_SIZE}")
        elif type(size) is not Size:
            raise ProgramError(f"{shown(size)} is no size")
        elif size.key not in self.known_sizes:
            if len(size.key) > MAX_SIZE_TEXT:
                raise ProgramError(f"the size {shown(size.key)} is longer than {MAX_SIZE_TEXT}")
            unknown = size.symbols() - self.symbols
            if unknown:
                raise ProgramError(f"the size {size} has {shown(sorted(unknown))}, no input has")
            self.known_sizes.add(size.key)


def _value_type(operand: Operand, where: str) -> Type:
    if isinstance(operand, Constant):
        raise ProgramError(f"{where} takes values, not the number {shown(operand.value)}")
    return type_of(operand)


def _same_types(a: Sequence[Type], b: Sequence[Type]) -> bool:
    return len(a) == len(b) and all(
        x.dtype == y.dtype and same_shape(x.shape, y.shape) for x, y in zip(a, b, strict=True)
    )
