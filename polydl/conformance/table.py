"""The support and error table: what each backend does natively, and how exactly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from rich.table import Table

from polydl.conformance import checks_optimizers, checks_scores
from polydl.conformance.gaps import Gap
from polydl.conformance.nets import Target, compiled, source
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import (
    COMPOSITE,
    OptimizerRow,
    Row,
    ScheduleRow,
    ScoreRow,
    StageRow,
    TieRow,
)
from polydl.conformance.rows import EVERY, METRICS, ROWS
from polydl.emission.naming import snake_case
from polydl.precision import DTYPES

PRIMITIVES = "primitive:"


@dataclass
class Finding:
    """One check of a row on one backend: its outcome, its declared gap, or what it raised."""

    row: str
    kind: str
    backend: str
    dtype: str = "float64"
    outcome: Outcome | None = None
    error: str = ""
    gap: Gap | None = None

    @property
    def passed(self) -> bool:
        """A declared gap must fail; all else must pass."""
        good = self.outcome is not None and self.outcome.passed
        return good != (self.gap is not None)

    def __str__(self) -> str:
        if self.gap is not None:
            return f"{self._what}: the gap is closed, remove it"
        if self.outcome is not None:
            return str(self.outcome)
        return f"{self._what}: {self.error}"

    @property
    def _what(self) -> str:
        return f"{self.row}, {self.kind} in {self.dtype} on {self.backend}"


@dataclass
class Line:
    """One line of the table: a built-in, or a row of primitives or of a whole model."""

    name: str
    item: str
    rows: list[str] = field(default_factory=list)


def lines() -> list[Line]:
    """Built-ins first, each over all rows that hold it; then primitives and models by row."""
    found: dict[str, Line] = {}
    for row in EVERY:
        for item in () if isinstance(row, (ScheduleRow, StageRow)) else row.items:
            alone = item == COMPOSITE or item.startswith(PRIMITIVES)
            name = row.name if alone else item.removeprefix("polydl:").split("@")[0]
            line = found.setdefault(name, Line(name, COMPOSITE if alone else item))
            if row.name not in line.rows:
                line.rows.append(row.name)
    return sorted(found.values(), key=lambda line: line.item == COMPOSITE)


def support(line: Line, name: str) -> str:
    """ "native", "definition", or "partly" where some configurations have a native."""
    if any(line.item in row.items for row in METRICS):
        return "definition"  # frameworks' own keep state, where a step returns what it adds
    native, defined = 0, 0
    for text, plain in _texts(line, name):
        native += _written(line, text)
        defined += _written(line, plain)
    if line.item == COMPOSITE:
        return ""
    return "native" if not native else "definition" if native >= defined else "partly"


def _texts(line: Line, name: str) -> Iterable[tuple[str, str]]:
    """The emitted text of each row, with natives and without."""
    target = Target(name)
    for row in EVERY:
        if row.name not in line.rows:
            continue
        if isinstance(row, (Row, TieRow)):
            yield source(row, target), source(row, target.definitions())
        elif isinstance(row, (ScoreRow, OptimizerRow)):
            yield _training_text(row, target), _training_text(row, target.definitions())


def _training_text(row: ScoreRow | OptimizerRow, target: Target) -> str:
    small = next(r for r in ROWS if r.name == "nested Sequential")
    if isinstance(row, OptimizerRow):
        training = replace(checks_optimizers.training_of(row), groups=())  # of another model
        return compiled(small, target).emit_training(training)
    return compiled(small, target).emit_training(checks_scores.training_of(row))


def _written(line: Line, text: str) -> int:
    """How many classes or functions of this name a text defines."""
    names = f"{re.escape(line.name)}|{re.escape(snake_case(line.name))}"
    return len(re.findall(rf"^(?:class|def) (?:{names})\d*\(", text, re.MULTILINE))


def _worst(findings: Sequence[Finding], kind: str) -> str:
    """The largest error of a kind of check, over natives and definitions."""
    errors = [f.outcome.error for f in findings if f.outcome and f.kind.startswith(kind)]
    if not errors:
        return ""
    error = max(errors)
    return "0" if error == 0 else f"{error:.1e}" if error < 0.1 else f"{error:.2g}"


def support_table(
    findings: Sequence[Finding], name: str, rows: Sequence[str] | None = None
) -> Table:
    """Per line: native or not on a backend, or its gaps; errors in each precision, and gradients.

    rows: names; lines without one of them are left out.
    """
    table = Table(
        title=f"{name}: support, and the largest error against the float64 oracle",
        caption="float64 of the output's scale · others in epsilons of theirs · gradients relative",
    )
    for column in ("", name):
        table.add_column(column)
    for column in (*DTYPES, "gradient"):
        table.add_column(column, justify="right")
    mine = [finding for finding in findings if finding.backend == name]
    for line in lines():
        if rows and not any(row in rows for row in line.rows):
            continue
        table.add_row(line.name, *_cells(line, name, mine))
    return table


_VALUES = ("forward", "score", "updates")  # one of them, in this order


def _cells(line: Line, name: str, findings: Sequence[Finding]) -> list[str]:
    mine = [f for f in findings if f.row in line.rows]
    gaps = {str(f.gap) for f in mine if f.gap}
    failed = any(not f.passed for f in mine)
    what = "; ".join(sorted(gaps)) or support(line, name)
    return [
        f"[red]{what} FAILED[/red]" if failed else f"[yellow]{what}[/yellow]" if gaps else what,
        *(_first([f for f in mine if f.dtype == dtype]) for dtype in DTYPES),
        _worst(mine, "gradients"),
    ]


def _first(findings: Sequence[Finding]) -> str:
    return next((text for kind in _VALUES if (text := _worst(findings, kind))), "")


def other_table(findings: Sequence[Finding]) -> Table:
    """Everything else: one line for each kind of check, with its worst outcome."""
    table = Table(title="Other checks")
    for column in ("check", "in", "on", "passed", "largest error", "bound"):
        table.add_column(column)
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.kind, finding.dtype, finding.backend), []).append(finding)
    for (kind, dtype, name), group in groups.items():
        passed = sum(f.passed for f in group)
        outcomes = [f.outcome for f in group if f.outcome]
        error = f"{max(o.error for o in outcomes):.1e}" if outcomes else ""
        bound = f"{outcomes[0].bound:.0e} {outcomes[0].unit}" if outcomes else ""
        count = f"{passed} of {len(group)}"
        count = count if passed == len(group) else f"[red]{count}[/red]"
        table.add_row(kind, dtype, name, count, error, bound)
    return table
