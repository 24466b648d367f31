"""The table: every row of the suite. Each check draws from here.

Every module here brings rows in tuples whose names end in ROWS, and no list needs its name. Rows of
primitives come first and those of whole models last, so that the first failure says most.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType

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
from polydl.discovery import modules


def _place(module: ModuleType) -> tuple[int, str]:
    name = module.__name__.rpartition(".")[2]
    return (0 if name.startswith("primitives") else 2 if name == "composite" else 1), name


EVERY: tuple[AnyRow, ...] = tuple(
    row
    for module in sorted(modules(__name__), key=_place)
    for name, rows in vars(module).items()
    if name.endswith("ROWS") and not name.startswith("_")
    for row in rows
)
ROWS: tuple[Row, ...] = tuple(row for row in EVERY if isinstance(row, Row))
RANDOM: tuple[RandomRow, ...] = tuple(row for row in EVERY if isinstance(row, RandomRow))
TIES: tuple[TieRow, ...] = tuple(row for row in EVERY if isinstance(row, TieRow))
SCORES: tuple[ScoreRow, ...] = tuple(row for row in EVERY if isinstance(row, ScoreRow))
METRICS: tuple[MetricRow, ...] = tuple(row for row in EVERY if isinstance(row, MetricRow))
OPTIMIZERS: tuple[OptimizerRow, ...] = tuple(row for row in EVERY if isinstance(row, OptimizerRow))
SCHEDULES: tuple[ScheduleRow, ...] = tuple(row for row in EVERY if isinstance(row, ScheduleRow))
STAGES: tuple[StageRow, ...] = tuple(row for row in EVERY if isinstance(row, StageRow))
_BY_NAME = {row.name: row for row in EVERY}

# what registers the built-ins
_LANGUAGE = (
    "layers",
    "functions",
    "losses",
    "metrics",
    "optimizers",
    "averages",
    "penalties",
    "schedules",
    "random",
    "ops",
    "primitives",
)


def row(name: str) -> AnyRow:
    return _BY_NAME[name]


# packages of plain Python and NumPy, which no backend writes in its own way
NUMPY = ("polydl.augment.", "polydl.callbacks.")
# and those whose text is the same on all of them
SAME = (*NUMPY, "polydl.schedules.", "polydl.penalties.", "polydl.averages.")


def language() -> Iterator[str]:
    """What must have a row: each registered built-in that backends write, and each primitive."""
    for module in _LANGUAGE:
        importlib.import_module(f"polydl.{module}")
    from polydl.primitives.record import PRIMITIVES
    from polydl.spec.registry import CLASSES, FUNCTIONS

    yield from (kind for kind, cls in CLASSES.items() if not cls.__module__.startswith(NUMPY))
    yield from FUNCTIONS
    yield from (f"primitive:{name}" for name in PRIMITIVES)


def uncovered() -> list[str]:
    """What has no row."""
    covered = {item for each in EVERY for item in each.items}
    return [item for item in language() if item not in covered]
