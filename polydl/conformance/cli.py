"""Running the whole suite and printing what it found: `polydl conformance`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from rich.console import Console

from polydl.conformance.gaps import gap_of
from polydl.conformance.kit import kit
from polydl.conformance.memo import NETS, fresh
from polydl.conformance.nets import Target, available, backend, gives_gradients
from polydl.conformance.rows import EVERY
from polydl.conformance.suite import (
    Check,
    backend_checks,
    core_checks,
    round_trips,
    trajectories,
)
from polydl.conformance.table import Finding, other_table, support_table
from polydl.errors import DefinitionError, nearest
from polydl.precision import DTYPES

CORE = "core"


def run(
    backends: list[str] | None = None,
    device: str = "cpu",
    dtype: str | None = None,
    rows: list[str] | None = None,
) -> int:
    """Run the suite and print the support and error table; 1 if anything fails, else 0.

    backends: names; all that are installed by default. dtype: one precision alone. rows: parts of
    the names of rows or of what they check ("LSTM"); only these are checked, and no whole programs.

    Raises DefinitionError for a part that no row has.
    """
    console = Console()
    names = backends or available()
    for name in names:
        backend(name).check_device(device)
    rows = rows_about(rows or [])
    dtypes = (dtype,) if dtype else DTYPES
    with console.status("the oracle") as status:
        findings = [_find(check, CORE) for check in core_checks() if _wanted(check, rows)]
        for name in names:
            for each in dtypes:
                for check in backend_checks(Target(name, True, each, device)):
                    status.update(f"{name} {each}: {check}")
                    if _wanted(check, rows) and _can(check, name):
                        findings.append(_find(check, name))
        tables = [support_table(findings, name, rows) for name in names]
        if "float64" in dtypes and not rows:
            with fresh(NETS):
                for name, check in _whole_programs(names, device):
                    status.update(f"{name}: {check}")
                    findings.append(_find(check, name))
    for table in tables:
        console.print(table)
    console.print(other_table(findings))
    failed = [finding for finding in findings if not finding.passed]
    for finding in failed:
        console.print(f"[red]FAILED[/red] {finding}", highlight=False)
    console.print(f"{len(findings) - len(failed)} of {len(findings)} checks passed")
    return int(bool(failed))


def rows_about(parts: list[str]) -> list[str]:
    """The names of the rows that have one of the parts in their name or in that of an item."""
    subjects = {
        row.name: [row.name, *(i.partition(":")[2].partition("@")[0] for i in row.items)]
        for row in EVERY
    }
    found: list[str] = []
    for part in parts:
        about = [row for row, names in subjects.items() if part.lower() in ",".join(names).lower()]
        if not about:
            known = sorted({name for names in subjects.values() for name in names if name})
            raise DefinitionError(f"no row is about {part!r}. {nearest(part, known)}")
        found += about
    return found


def _wanted(check: Check, rows: list[str]) -> bool:
    return not rows or check.item in rows


def _can(check: Check, name: str) -> bool:
    """Whether a backend has what a check needs."""
    return not check.kind.startswith(("gradients", "ties")) or gives_gradients(name)


def _whole_programs(names: Sequence[str], device: str) -> Iterator[tuple[str, Check]]:
    """Round trips, and training runs of each backend against the others."""
    for name in names:
        if kit(name) is not None:
            for check in round_trips(Target(name, device=device)):
                yield name, check
    trainers = [Target(name, device=device) for name in names if backend(name).trains]
    for target in trainers:
        for check in trajectories(target, target.definitions()):
            yield target.backend, check
    for first, second in combinations(trainers, 2):
        for check in trajectories(first, second):
            yield f"{first.backend}, {second.backend}", check


def _find(check: Check, name: str) -> Finding:
    found = Finding(check.item, check.kind, name, check.dtype)
    found.gap = None if name not in available() else gap_of(check, name)
    try:
        found.outcome = check.run()
    except Exception as error:  # whatever a backend raises is a finding
        found.error = f"{type(error).__name__}: {error}"
    return found
