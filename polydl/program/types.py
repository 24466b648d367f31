"""The Program: a model as plain data.

A Program is a table of Blocks and a table of Entries. A Block is one traced call: of a module, or of
a function; the Block of the model itself has the key "". Nodes read and write Entries (parameters
and state) by canonical path and call other Blocks by key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from polydl.program.sizes import Shape

if TYPE_CHECKING:
    from polydl.program.extents import Extent
    from polydl.program.lookups import Lookup

FORMAT_VERSION = 1

DType: TypeAlias = Literal["float", "int", "bool"]
Scalar: TypeAlias = float | int | bool
Attribute: TypeAlias = Any  # JSON: None, bool, int, float, str, and tuples of these; sizes as Size
Structure: TypeAlias = Any  # None for a leaf; ("tuple", [...]) or ("dict", {name: ...})


@dataclass(frozen=True, eq=False)
class Value:
    """What a node computes, or what a Block is given. Identity is `id`, unique within its Block."""

    id: int
    shape: Shape
    dtype: DType
    name: str = ""  # the author's local name, where known; need not be unique

    def __repr__(self) -> str:
        return f"%{self.id}"


@dataclass(frozen=True)
class Constant:
    """A Python scalar as an operand."""

    value: Scalar

    def __repr__(self) -> str:
        return repr(self.value)


Operand: TypeAlias = Value | Constant


@dataclass(frozen=True, eq=False)
class Region:
    """A body inside a node: a function of its inputs. It may use values of the Block around it."""

    nodes: tuple[Node, ...]
    outputs: tuple[Operand, ...]
    inputs: tuple[Value, ...] = ()


@dataclass(frozen=True, eq=False)
class Node:
    """One step of a Block: a primitive applied, a Block called, or an Entry read or written.

    op is the name of a primitive, or one of
      "call"           attributes: block (key), target (attribute path of the module, "" for a function)
      "read"           attributes: entry (canonical path); one output
      "write"          attributes: entry; one operand
      "when_training"  two regions (training, inference); as many outputs as each region has
      "scan", "associative_scan", "remat"  one region; see `polydl.program.regions`
    """

    op: str
    operands: tuple[Operand, ...]
    outputs: tuple[Value, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()

    @property
    def output(self) -> Value:
        return self.outputs[0]


@dataclass(frozen=True, eq=False)
class Block:
    """One traced call of a module or function: what it is, what it takes, does and gives."""

    key: str
    kind: str  # "polydl:Dense@1" for our own, "ResBlock" for a user's class
    path: str  # canonical path of the module; "" for the model itself and for functions
    is_module: bool
    config: Mapping[str, Attribute]  # constructor arguments (or a function's keywords)
    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Operand, ...]

    @property
    def class_name(self) -> str:
        return self.kind.removeprefix("polydl:").split("@")[0]


@dataclass(frozen=True)
class Initializer:
    """How an Entry gets its first value, by name and arguments. See polydl.spec.initializers."""

    name: str
    arguments: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Entry:
    """A parameter (trained) or a piece of state (carried), in its canonical layout."""

    path: str
    role: Literal["parameter", "state"]
    shape: tuple[int, ...]
    dtype: DType
    initializer: Initializer
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Program:
    """A whole model. `inputs` and `outputs` say how root values are nested (see `structure`)."""

    blocks: Mapping[str, Block]
    entries: Mapping[str, Entry]
    inputs: Structure
    outputs: Structure
    aliases: Mapping[str, str] = field(default_factory=dict)  # module path -> canonical module path

    @property
    def root(self) -> Block:
        return self.blocks[""]

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Names of the unknown sizes, in the order in which the inputs bring them."""
        from polydl.program.sizes import symbols

        found: dict[str, None] = {}
        for value in self.root.inputs:
            for size in value.shape:
                found.update(dict.fromkeys(sorted(symbols([size]))))
        return tuple(found)

    @cached_property
    def lookups(self) -> tuple[Lookup, ...]:
        """Where integer inputs are looked up as they are."""
        from polydl.program.lookups import find_lookups

        return find_lookups(self)

    @cached_property
    def extents(self) -> tuple[Extent, ...]:
        """Where places that the Program counts off itself may lie beyond what they are taken from."""
        from polydl.program.extents import find_extents

        return find_extents(self)

    def __str__(self) -> str:
        from polydl.program.text import to_text

        return to_text(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def to_json(self) -> str:
        """As JSON, which from_json reads without loss."""
        from polydl.program.json import to_json

        return to_json(self)

    @staticmethod
    def from_json(text: str) -> Program:
        """Read a Program. Checks every name and bound; never runs anything the text brings."""
        from polydl.program.json import from_json

        return from_json(text)


def walk(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """All nodes in order, those inside regions included."""
    for node in nodes:
        yield node
        for region in node.regions:
            yield from walk(region.nodes)


def inference_nodes(block: Block) -> Iterator[Node]:
    """The nodes that may run in inference: all but those of training sides."""

    def visit(nodes: tuple[Node, ...]) -> Iterator[Node]:
        for node in nodes:
            yield node
            for region in node.regions[1:] if node.op == "when_training" else node.regions:
                yield from visit(region.nodes)

    return visit(block.nodes)


def next_id(block: Block) -> int:
    """The first id that no value of a Block has."""
    made = [*block.inputs]
    for node in walk(block.nodes):
        made += [*node.outputs, *(value for region in node.regions for value in region.inputs)]
    return 1 + max((value.id for value in made), default=-1)


def values_of(operands: tuple[Operand, ...]) -> Iterator[Value]:
    return (operand for operand in operands if isinstance(operand, Value))


def inference_writes(program: Program) -> set[str]:
    """Paths of the state that a model updates when it is used too, not only in training."""
    nodes = (node for block in program.blocks.values() for node in inference_nodes(block))
    return {node.attributes["entry"] for node in nodes if node.op == "write"}
