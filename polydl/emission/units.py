"""Units: what gets a class, a function or a native's constructor in the emitted text.

A module is one unit, whatever number of Blocks its calls with several signatures made; so is each
function Block. Units form the tree of the model's attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polydl.emission.naming import attribute_name, snake_case, unique
from polydl.emission.native import Native
from polydl.emission.sequences import find_sequences
from polydl.program.types import Block, Entry, Node, Program, walk

if TYPE_CHECKING:
    from polydl.emission.merging import Definition


@dataclass(eq=False)
class Unit:
    """A module or function of the Program on its way to text."""

    path: str
    blocks: list[Block]
    native: Native | None
    parent: Unit | None = None
    children: dict[str, Unit] = field(default_factory=dict)  # by path relative to this module
    borrowed: dict[str, Unit] = field(default_factory=dict)  # owned elsewhere, used under this name
    callees: set[str] = field(default_factory=set)  # function Blocks it calls
    attribute: str = ""  # its name in its parent's text
    position: int | None = None  # its index, where the attribute is a list
    height: int = 0
    definition: Definition | None = None
    arguments: list[tuple[object, str]] = field(default_factory=list)
    methods: dict[str, str] = field(default_factory=dict)  # Block key -> method name
    sequence: tuple[Unit, ...] = ()  # what it calls in turn, where that is all it does

    @property
    def block(self) -> Block:
        return self.blocks[0]

    @property
    def is_module(self) -> bool:
        return self.block.is_module

    @property
    def is_expression(self) -> bool:
        """Whether it is written where it is called, and nothing is constructed."""
        return self.native is not None and not self.native.construct

    @property
    def is_written(self) -> bool:
        """Whether it gets a class or a function of its own."""
        return self.native is None and not self.sequence

    @property
    def access(self) -> str:
        """How its parent's text reaches it."""
        return self.attribute if self.position is None else f"{self.attribute}[{self.position}]"

    def ancestors(self) -> Iterator[Unit]:
        unit: Unit | None = self
        while unit is not None:
            yield unit
            unit = unit.parent

    def chain(self, ancestor: Unit) -> list[str]:
        """Attributes that lead from an ancestor to this unit."""
        steps: list[str] = []
        for unit in self.ancestors():
            if unit is ancestor:
                return ".".join(steps[::-1]).replace(".[", "[").split(".") if steps else []
            steps.append(unit.access)
        raise KeyError(self.path)

    def lists(self) -> dict[str, list[Unit]]:
        """Children that are elements of lists, by attribute."""
        found: dict[str, list[Unit]] = {}
        for child in self.children.values():
            if child.position is not None:
                found.setdefault(child.attribute, []).append(child)
        return found


class UnitTable:
    """All units of a Program, by module path and by function key."""

    def __init__(
        self,
        program: Program,
        native: Callable[[Block], Native | None],
        reserved: frozenset[str],
        functions: tuple[str, ...] = (),
        sequence_attribute: str | None = None,
    ):
        self.program, self.native, self.reserved = program, native, reserved
        self.sequence_attribute = sequence_attribute  # None where there are no sequences
        self.modules: dict[str, Unit] = {}
        self.functions: dict[str, Unit] = {}
        self.entries: dict[str, list[Entry]] = {}  # by path of the module that declared them
        self.entry_names: dict[str, str] = {}  # their attributes, by canonical path
        for entry in program.entries.values():
            self.entries.setdefault(entry.path.rpartition(".")[0], []).append(entry)
        self._reach(program.root)
        for key in functions:
            self._reach(program.blocks[key])
        order = {block.path: i for i, block in enumerate(program.blocks.values())}
        self.modules = dict(sorted(self.modules.items(), key=lambda item: order[item[0]]))
        self._nest()
        self._borrow()
        if sequence_attribute is not None:
            find_sequences(self)
        for unit in self.modules.values():
            self._name_children(unit)
        self._measure()

    @property
    def borrowers(self) -> list[Unit]:
        return [unit for unit in self.modules.values() if unit.borrowed]

    @property
    def root(self) -> Unit:
        return self.modules[""]

    def owner(self, entry: str) -> Unit:
        """The unit of the module that declared an entry, or of the native that stands for it."""
        path = entry.rpartition(".")[0]
        while path not in self.modules:  # inside of what a native replaces
            path = path.rpartition(".")[0]
        return self.modules[path]

    def of(self, call: Node) -> Unit:
        """The unit that a node calls."""
        block = self.program.blocks[call.attributes["block"]]
        return self.modules[block.path] if block.is_module else self.functions[block.key]

    def own_entries(self, unit: Unit) -> list[Entry]:
        """What the unit's own module declares."""
        return self.entries.get(unit.path, [])

    def borrowed_name(self, target: str) -> str:
        """The attribute under which a module holds one that is owned elsewhere."""
        return attribute_name(target.replace(".", "_"), self.reserved)

    def _reach(self, block: Block) -> None:
        table = self.modules if block.is_module else self.functions
        key = block.path if block.is_module else block.key
        unit = table.get(key)
        if unit is None:
            unit = table[key] = Unit(key if block.is_module else "", [], self.native(block))
        elif block in unit.blocks:
            return
        unit.blocks.append(block)
        if unit.native is not None:
            return
        for node in walk(block.nodes):
            if node.op == "call":
                called = self.program.blocks[node.attributes["block"]]
                self._reach(called)
                if not called.is_module:
                    unit.callees.add(called.key)

    def _nest(self) -> None:
        for path, unit in self.modules.items():
            if not path:
                continue
            above = path
            while above:
                above = above.rpartition(".")[0]
                if above in self.modules:
                    break
            unit.parent = self.modules[above]
            unit.parent.children[path.removeprefix(f"{above}." if above else "")] = unit

    def _borrow(self) -> None:
        """Find uses of modules that another part of the model owns."""
        for unit in self.modules.values():
            if unit.native is not None:
                continue
            for block in unit.blocks:
                for node in walk(block.nodes):
                    if node.op == "call" and node.attributes["target"]:
                        called = self.program.blocks[node.attributes["block"]]
                        self._note_use(unit, node.attributes["target"], self.modules[called.path])
                    elif node.op in ("read", "write"):
                        owner = self.owner(node.attributes["entry"])
                        if unit not in owner.ancestors():
                            self._note_use(unit, self._alias(unit, owner), owner)

    def _note_use(self, unit: Unit, target: str, used: Unit) -> None:
        if unit not in used.ancestors() and not used.is_expression:
            unit.borrowed[target] = used

    def _alias(self, unit: Unit, owner: Unit) -> str:
        prefix = f"{unit.path}." if unit.path else ""
        for alias, canonical in self.program.aliases.items():
            if canonical == owner.path and alias.startswith(prefix):
                return alias.removeprefix(prefix)
        raise KeyError(f"{unit.path} reads {owner.path} without holding it")

    def _name_children(self, unit: Unit) -> None:
        if unit.sequence:
            for position, item in enumerate(unit.sequence):
                if item.is_module:
                    item.attribute, item.position = self.sequence_attribute or "", position
            return
        taken: set[str] = set()
        for entry in self.entries.get(unit.path, []):
            wanted = attribute_name(entry.path.rpartition(".")[2], self.reserved)
            self.entry_names[entry.path] = unique(wanted, taken)
            taken.add(self.entry_names[entry.path])
        lists = dict.fromkeys(self._list_names(unit), "")
        indexed = [name for name in unit.children if name.isdigit()]
        counts: dict[str, int] = {}
        for name in indexed:
            base = snake_case(unit.children[name].block.class_name)
            counts[base] = counts.get(base, 0) + 1
        seen: dict[str, int] = {}
        for name, child in unit.children.items():
            base, _, last = name.rpartition(".")
            if base in lists:
                wanted = attribute_name(base.replace(".", "_"), self.reserved)
                child.attribute = lists[base] = lists[base] or unique(wanted, taken)
                child.position = int(last)
                taken.add(child.attribute)
                continue
            if name.isdigit():
                word = snake_case(child.block.class_name)
                seen[word] = seen.get(word, 0) + 1
                name = word if counts[word] == 1 else f"{word}{seen[word]}"
            child.attribute = unique(attribute_name(name.replace(".", "_"), self.reserved), taken)
            taken.add(child.attribute)

    def _list_names(self, unit: Unit) -> set[str]:
        """Names whose children are all of 0, 1, ..., n - 1, each of them constructed."""
        indices: dict[str, list[int]] = {}
        expressions: set[str] = set()
        for name in unit.children:
            base, _, last = name.rpartition(".")
            if base and last.isdigit():
                indices.setdefault(base, []).append(int(last))
                expressions |= {base} if unit.children[name].is_expression else set()
        whole = {base for base, found in indices.items() if sorted(found) == [*range(len(found))]}
        return whole - expressions

    def _measure(self) -> None:
        done: dict[int, int] = {}

        def height(unit: Unit) -> int:
            if id(unit) not in done:
                done[id(unit)] = 0
                below = [*unit.children.values(), *(self.functions[key] for key in unit.callees)]
                done[id(unit)] = 1 + max(map(height, below), default=0)
            return done[id(unit)]

        for unit in [*self.functions.values(), *self.modules.values()]:
            unit.height = height(unit)
        if self.sequence_attribute is not None:
            self._level()

    def _level(self) -> None:
        """One height for all modules of a class, which may then become one in the text."""
        modules = list(self.modules.values())
        plain = {unit: unit.height for unit in modules}
        for _ in modules:
            highest: dict[str, int] = {}
            for unit in modules:
                highest[unit.block.kind] = max(highest.get(unit.block.kind, 0), unit.height)
            heights = {
                unit: max(
                    highest[unit.block.kind] if unit.is_written else unit.height,
                    1 + max((child.height for child in unit.children.values()), default=0),
                )
                for unit in modules
            }
            if heights == {unit: unit.height for unit in modules}:
                return
            for unit, height in heights.items():
                unit.height = height
        for unit, height in plain.items():  # classes inside of each other
            unit.height = height
