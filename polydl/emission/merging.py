"""One class for blocks of one shape, with constructor arguments for the literals that vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from polydl.emission.code import Slot, Slots, fill, renumber
from polydl.emission.naming import PYTHON_WORDS, unique
from polydl.emission.units import Unit

_SEPARATOR = "\n\x04\n"


@dataclass
class Method:
    """One function of a class: its name, arguments and body lines, with slot markers."""

    name: str
    arguments: list[str]
    lines: list[str]


@dataclass
class Draft:
    """A class or function as written for one unit."""

    unit: Unit
    name: str
    slots: Slots
    init: list[str]
    methods: list[Method]
    attributes: list[str] = field(default_factory=list)
    local_names: set[str] = field(default_factory=set)
    needs: frozenset[str] = frozenset()
    plain: bool = False  # a function, though it stands for a module

    @property
    def is_class(self) -> bool:
        return self.unit.is_module and not self.plain

    def key(self) -> tuple[Any, ...]:
        """Drafts with equal keys differ in their literals only."""
        heads = tuple((m.name, tuple(m.arguments)) for m in self.methods)
        text, _ = renumber(self._text())
        return (self.unit.block.kind, self.unit.is_module, self.needs, heads, text)

    def literals(self) -> list[Slot]:
        """Literals in order of appearance."""
        _, order = renumber(self._text())
        return [self.slots.slots[i] for i in order]

    def _text(self) -> str:
        return _SEPARATOR.join(["\n".join(self.init), *("\n".join(m.lines) for m in self.methods)])


@dataclass
class Definition:
    """A class or function of the emitted module, for all units that share it."""

    name: str
    parameters: list[str]
    hints: list[str]
    init: list[str]
    methods: list[Method]
    is_class: bool
    needs: frozenset[str]
    stored: list[str]  # parameters that methods use
    flags: frozenset[str] = frozenset()  # parameters of a class that are True or False

    @property
    def signature(self) -> list[str]:
        """The parameters, those that have a default last."""
        given = [p for p in self.parameters if p not in self.flags]
        return given + [f"{p}=False" for p in self.parameters if p in self.flags]


def merge(
    drafts: Sequence[Draft],
    taken: set[str],
    reserved: frozenset[str] = frozenset(),
    self_prefix: str = "self.",
) -> list[Definition]:
    """Group drafts by shape; sets each unit's definition and arguments.

    taken: names of definitions, to which it adds. reserved: names that no argument may have.
    """
    groups: dict[tuple[Any, ...], list[Draft]] = {}
    for draft in drafts:
        groups.setdefault(draft.key(), []).append(draft)
    definitions = []
    for group in groups.values():
        name = unique(group[0].name, taken)
        taken.add(name)
        definitions.append(_define(name, group, reserved, self_prefix))
    return definitions


def _define(name: str, group: list[Draft], words: frozenset[str], self_prefix: str) -> Definition:
    first = group[0]
    rows = [draft.literals() for draft in group]
    parameters: list[str] = []
    hints: list[str] = []
    flags: set[str] = set()
    columns: dict[tuple[Any, ...], str] = {}
    slot_names: dict[int, str] = {}
    is_class = first.is_class
    reserved = {*(first.attributes if is_class else first.local_names), *PYTHON_WORDS, *words}
    for i, slot in enumerate(rows[0]):
        column = tuple((type(row[i].value), row[i].value) for row in rows)
        if all(entry == column[0] for entry in column):
            continue
        if column not in columns:
            configs = [draft.unit.block.config for draft in group]
            wanted = _config_name(column, configs) or slot.hint
            columns[column] = unique(wanted, reserved)
            reserved.add(columns[column])
            parameters.append(columns[column])
            if all(kind is bool for kind, _ in column):
                flags.add(columns[column])
            hints.append(wanted)
            for draft, row in zip(group, rows, strict=True):
                draft.unit.arguments.append((row[i].value, wanted))
        slot_names[i] = columns[column]
    parts = renumber(first._text())[0].split(_SEPARATOR)

    def text(part: str, prefix: str) -> list[str]:
        def replace(i: int) -> str:
            if i in slot_names:
                return rows[0][i].named(prefix + slot_names[i])
            return rows[0][i].text

        return fill(part, replace).split("\n") if part else []

    prefix = self_prefix if is_class else ""
    methods = [
        Method(m.name, m.arguments, text(part, prefix))
        for m, part in zip(first.methods, parts[1:], strict=True)
    ]
    joined = "\n".join(parts[1:])
    stored_names = {slot_names[i] for i in renumber(joined)[1] if i in slot_names}
    definition = Definition(
        name,
        parameters,
        hints,
        text(parts[0], ""),
        methods,
        is_class,
        first.needs,
        [p for p in parameters if p in stored_names] if is_class else [],
        frozenset(flags) if is_class else frozenset(),
    )
    for draft in group:
        draft.unit.definition = definition
        draft.unit.methods = dict(first.unit.methods) if draft is first else draft.unit.methods
    return definition


def _config_name(column: tuple[Any, ...], configs: Sequence[Mapping[str, Any]]) -> str | None:
    """The constructor argument that has these values in every instance."""
    for name in configs[0]:
        found = tuple((type(c.get(name)), c.get(name)) for c in configs)
        if found == column and name.isidentifier() and name not in PYTHON_WORDS:
            return name
    return None
