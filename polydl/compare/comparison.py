"""What a comparison found."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One backend's line in the table.

    scores: of the last epoch, by name. step_ms: milliseconds of a training step, the median, and the
    quartiles around it. compile_seconds: emitting, building and the first training step. memory: the
    process' peak, in bytes. difference: the largest relative difference of a step's loss from the
    first backend's (None for the first), at difference_step, counted from 1. validation_difference:
    likewise, of an epoch's validation loss, if there is one.
    """

    backend: str
    scores: Mapping[str, float]
    final_loss: float
    step_ms: float
    step_ms_quartiles: tuple[float, float]
    compile_seconds: float
    fit_seconds: float
    memory: int
    memory_before: int
    difference: float | None
    difference_step: int | None
    validation_difference: float | None = None


@dataclass(frozen=True)
class Check:
    """One comparison of numbers. error is the largest, absolute; epsilons is the same in units of
    the dtype's epsilon at the numbers' scale, which must not exceed `allowed`."""

    backend: str
    what: str
    against: str
    error: float
    epsilons: float
    allowed: float
    where: str = ""

    @property
    def holds(self) -> bool:
        return self.epsilons <= self.allowed  # NaN does not


@dataclass(frozen=True)
class Sources:
    """The emitted texts of one backend."""

    model: str
    training: str


@dataclass(frozen=True)
class Comparison:
    """The same training run on several backends.

    losses: of every step. differences: relative, of every step's loss, from the first backend's.
    step_times: milliseconds a step, one for each group of steps. settings: what was run. program: its
    text. date: when, in UTC.
    """

    name: str
    rows: list[Row]
    losses: dict[str, np.ndarray]
    epochs: dict[str, list[dict[str, float]]]
    differences: dict[str, np.ndarray]
    step_times: dict[str, list[float]]
    checks: list[Check]
    sources: dict[str, Sources]
    versions: dict[str, dict[str, str]]
    machine: dict[str, str]
    settings: dict[str, Any]
    program: str
    date: str

    @property
    def backends(self) -> list[str]:
        return [row.backend for row in self.rows]

    @property
    def validated(self) -> bool:
        """Whether validation losses were compared."""
        return any(row.validation_difference is not None for row in self.rows)

    @property
    def caution(self) -> str:
        """Why the times deserve little trust, or ""."""
        busy = self.settings["busy"]
        if busy < 0.1:
            return ""
        return (
            f"Other programs used {busy:.0%} of the cores' time when the comparison began: take the "
            "times with care."
        )

    def table(self) -> Table:
        """For rich: one row a backend."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        names = list(self.rows[0].scores)
        headings = ["ms per step", "compile s", "peak MB", "largest loss difference"]
        headings += ["of validation losses"] if self.validated else []
        table = Table(title=Text(self.name), box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        table.add_column("backend", style="bold")
        for heading in [*map(score_heading, names), "final loss", *headings]:
            table.add_column(heading, justify="right")
        for row in self.rows:
            scores = [score_text(row.scores[name], name) for name in names]
            cells = [*_cells(row), *([validation_text(row)] if self.validated else [])]
            table.add_row(row.backend, *scores, *cells)
        return table

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(width=120, color_system=None, force_terminal=False)
        with console.capture() as captured:
            console.print(self.table())
        return captured.get()

    def to_json(self) -> str:
        """Everything, as JSON. Numbers that are not finite become null."""
        return json.dumps(_plain(asdict(self)), indent=1, allow_nan=False)

    def to_html(self) -> str:
        """The report, as one self-contained page."""
        from polydl.compare.report import to_html

        return to_html(self)

    def save_report(self, path: str | Path) -> None:
        Path(path).write_text(self.to_html(), encoding="utf-8")


def score_heading(name: str) -> str:
    """ "val_accuracy" as "validation accuracy"."""
    plain = name.removeprefix("val_").replace("_", " ")
    return f"validation {plain}" if name.startswith("val_") else plain


def score_text(value: float, name: str) -> str:
    return f"{value:.2%}" if "accuracy" in name else f"{value:.4g}"


def difference_text(row: Row) -> str:
    if row.difference is None:
        return "baseline"
    if row.difference == 0:
        return "none"
    return f"{row.difference:.1e} at step {row.difference_step}"


def validation_text(row: Row) -> str:
    if row.validation_difference is None:
        return "baseline"
    return f"{row.validation_difference:.1e}" if row.validation_difference else "none"


def _cells(row: Row) -> list[str]:
    low, high = row.step_ms_quartiles
    return [
        f"{row.final_loss:.5f}",
        f"{row.step_ms:.2f}\n[dim]{low:.2f}–{high:.2f}[/]",
        f"{row.compile_seconds:.2f}",
        f"{row.memory / 2**20:,.0f}",
        difference_text(row).replace(" at", "\n[dim]at", 1),
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
