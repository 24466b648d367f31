"""What a backend fills in: tables of its parts, and the text that frameworks write differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from polydl.emission.body import Body
from polydl.emission.code import Code, Literal
from polydl.emission.merging import Definition
from polydl.emission.native import Native
from polydl.emission.units import Unit
from polydl.program.types import Entry, Node

PrimitiveWriter = Callable[[Body, Node, list[Code]], Code]


class Dialect:
    """How one framework writes entries, sizes, lists, classes and the mode."""

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
    sequence: ClassVar[str] = ""  # the framework's own sequence of modules, such as "nn.Sequential"
    identity: ClassVar[str] = ""  # a module that gives what it takes, such as "nn.Identity()"
    sequence_attribute: ClassVar[str] = ""  # where that keeps them
    remat_takes_all: ClassVar[bool] = False  # whether values from around are arguments too
    remat_draws: ClassVar[bool] = True  # whether random numbers are the same when run again
    remat_writes: ClassVar[bool] = True  # whether state is not updated again then
    remat_in_loops: ClassVar[bool] = True

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

    # regions that are functions; see polydl.emission.regions

    def unrolls(self, node: Node) -> bool:
        """Whether a scan is written as a loop of Python's own."""
        return False

    def slices(self, array: Code, axis: int) -> str:
        """In such a loop: what to go through for the slices of an array."""
        raise NotImplementedError

    def stacked(self, slices: str, axis: int) -> str:
        """Afterwards: a list of slices as an array."""
        raise NotImplementedError

    def scan_text(self, node: Node, step: str, carry: str, arrays: str, length: str) -> str:
        """The framework's own scan along the first axis: gives (carry, outputs).

        Over `arrays`; where that is "None", `length` times.
        """
        raise NotImplementedError

    def map_text(self, function: str, arrays: str) -> str:
        """A function of each slice along the first axis, stacked along it."""
        raise NotImplementedError

    def axis_moved(self, array: Code, axis: int, to: int) -> Code:
        """An array with one axis in another place, the others in their order."""
        raise NotImplementedError

    def counter(self, size: Code) -> str:
        """The int32 numbers 0, 1, ... as what to scan over."""
        raise NotImplementedError

    def associative_scan_text(self, combine: str, arrays: str, axis: int, reverse: bool) -> str:
        raise NotImplementedError

    def remat_text(
        self, body: Body, node: Node, block: str, definition: list[str], arguments: list[str]
    ) -> str:
        """A call of a function that differentiation runs again. definition: its lines, to change."""
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
