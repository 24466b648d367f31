"""The table of natives as Markdown: for each built-in and backend, what is written, and why.

`polydl conformance --natives FILE` writes it. Only rows are looked at, and nothing is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from polydl.backend import Backend, Options
from polydl.conformance.checks_metrics import contributing_program
from polydl.conformance.checks_scores import scoring_program
from polydl.conformance.nets import backend
from polydl.conformance.oracle import case
from polydl.conformance.row import (
    AnyRow,
    MetricRow,
    OptimizerRow,
    RandomRow,
    Row,
    ScheduleRow,
    ScoreRow,
    StageRow,
    TieRow,
)
from polydl.conformance.rows import EVERY, SAME, language
from polydl.emission.code import Code
from polydl.emission.native import Native
from polydl.program.types import Block, Program
from polydl.spec.registry import CLASSES, FUNCTIONS
from polydl.spec.tracing import trace

DEFINITION = "definition"
NO_PART = "the framework has no such part"

HEAD = """# Natives

What each backend writes for each part of the language: its framework's own part, or the definition.
`polydl conformance --natives docs/natives.md` writes this page from the conformance rows.

- A name in code is the framework's part, proven equal to the definition: in float64 at rounding level,
  in value and gradient.
- *subclass*: the part with a few lines of its own; *helper*: a short function around it. Both stand
  in the emitted text.
- *definition*: a class or function written from the definition. Where no reason is given, {no_part}.
- Both: it depends on the configuration.
"""


@dataclass
class Use:
    """How one backend writes one built-in over all of its rows."""

    names: dict[str, None] = field(default_factory=dict)  # of natives, in order
    defined: bool = False
    defined_in_double: bool = False  # where there is a native in float32

    def text(self, reason: str) -> str:
        """The cell of the table."""
        parts = list(self.names)
        if self.defined or not parts:
            parts.append(DEFINITION)
        elif self.defined_in_double:
            parts.append(f"in float64 {DEFINITION}")
        return " or ".join(parts) + (f": {reason}" if reason else "")


def natives_table(names: Iterable[str]) -> str:
    """The page, with a column for each of these backends."""
    columns = {name: uses(backend(name)) for name in names}
    lines = [HEAD.format(no_part=NO_PART)]
    for title, kinds in _sections():
        lines += [
            f"## {title}",
            "",
            f"| | {' | '.join(columns)} |",
            "|---" * (len(columns) + 1) + "|",
        ]
        for kind in kinds:
            cells = [
                found[kind].text(backend(name).reasons.get(kind, ""))
                for name, found in columns.items()
            ]
            lines.append(f"| {_plain(kind)} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def uses(own: Backend) -> dict[str, Use]:
    """By kind, for every built-in."""
    found = {kind: Use() for kind in language() if not kind.startswith("primitive:")}
    for row in EVERY:
        if isinstance(row, (ScheduleRow, StageRow)):
            continue
        if isinstance(row, OptimizerRow):
            for kind in row.items:
                _note(found[kind], _optimizer(own, row))
            continue
        program = _program(row)
        wide = _written(own, program, "float32")
        double = _written(own, program, "float64")
        for key, block in program.blocks.items():
            if block.kind in row.items and key:
                use = found[block.kind]
                _note(use, wide.get(key))
                use.defined_in_double |= key in wide and key not in double
    return found


def _note(use: Use, name: str | None) -> None:
    if name is None:
        use.defined = True
    else:
        use.names[name] = None


def _program(row: AnyRow) -> Program:
    if isinstance(row, (Row, TieRow)):
        return case(row).program
    if isinstance(row, ScoreRow):
        return scoring_program(row)
    if isinstance(row, MetricRow):
        return contributing_program(row)
    assert isinstance(row, RandomRow)
    return trace(row.model(), row.inputs)


def _written(own: Backend, program: Program, dtype: str) -> dict[str, str]:
    """The native of each Block that has one, by key, as the table shows it."""
    options = Options(dtype)
    with own.precision(options):
        emitter = own.emitter(program, options)
        found = {}
        for key, block in emitter.program.blocks.items():
            native = emitter.native(block) if key else None
            if native is not None:
                found[key] = _shown(native, block, emitter.support)
    return found


def _optimizer(own: Backend, row: OptimizerRow) -> str | None:
    native = own.native_optimizer(row.rule)
    if native is None:
        return None
    name = native.shown or native.name
    return _named(name, {name: native.support} if native.support else {})


def _shown(native: Native, block: Block, support: Mapping[str, str]) -> str:
    """What a native calls: a constructor, or the functions of an expression."""
    if native.construct:
        return _named(native.construct.partition("(")[0], support)
    arguments = [value.name or "x" for value in block.inputs]
    text = native.call("", list(map(Code, arguments))).text
    called = dict.fromkeys(re.findall(r"[A-Za-z_][\w.]*(?=\()", text))
    parts = [name for name in called if name in native.support or _is_framework(name, arguments)]
    return ", ".join(_named(name, support) for name in parts or list(called)[:1] or [text])


def _is_framework(name: str, arguments: Collection[str]) -> bool:
    """Whether a name is reached from a module, not from an argument."""
    root, dot, _ = name.partition(".")
    return bool(dot) and root not in arguments


def _named(name: str, support: Mapping[str, str]) -> str:
    """A class of the emitted text is told by what it derives from."""
    if name not in support:
        return f"`{name}`"
    base = re.search(rf"^class {name}\(([\w.]+)", support[name], re.MULTILINE)
    return f"`{base[1]}` *subclass*" if base else f"`{name}` *helper*"


def _sections() -> Iterator[tuple[str, list[str]]]:
    """Titles with kinds in alphabetical order, by the package that holds them."""
    every = {**CLASSES, **FUNCTIONS}
    found: dict[str, list[str]] = {}
    for kind, part in every.items():
        if part.__module__.startswith(SAME):
            continue
        package = part.__module__.split(".")[1]
        found.setdefault(package.capitalize(), []).append(kind)
    for title in sorted(found):
        yield title, sorted(found[title], key=lambda kind: _plain(kind).lower())


def _plain(kind: str) -> str:
    return kind.removeprefix("polydl:").partition("@")[0]
