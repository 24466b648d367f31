"""The table: every row of the suite. Each check draws from here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from polydl.conformance import (
    rows_composite,
    rows_functions,
    rows_images,
    rows_layers,
    rows_primitives,
    rows_ties,
    rows_training,
)
from polydl.conformance.row import AnyRow, OptimizerRow, RandomRow, Row, ScoreRow, TieRow

_MODELS = (
    *rows_primitives.ROWS,
    *rows_functions.ROWS,
    *rows_layers.ROWS,
    *rows_images.ROWS,
    *rows_composite.ROWS,
)
ROWS: tuple[Row, ...] = tuple(row for row in _MODELS if isinstance(row, Row))
RANDOM: tuple[RandomRow, ...] = tuple(row for row in _MODELS if isinstance(row, RandomRow))
TIES: tuple[TieRow, ...] = rows_ties.ROWS
SCORES: tuple[ScoreRow, ...] = rows_training.SCORES
OPTIMIZERS: tuple[OptimizerRow, ...] = rows_training.OPTIMIZERS
EVERY: tuple[AnyRow, ...] = (*ROWS, *RANDOM, *TIES, *SCORES, *OPTIMIZERS)
_BY_NAME = {row.name: row for row in EVERY}

# what registers the built-ins
_LANGUAGE = ("layers", "functions", "losses", "metrics", "optimizers", "random", "primitives")


def row(name: str) -> AnyRow:
    return _BY_NAME[name]


def language() -> Iterator[str]:
    """Everything that must have a row: each registered built-in and each primitive."""
    for module in _LANGUAGE:
        importlib.import_module(f"polydl.{module}")
    from polydl.primitives.record import PRIMITIVES
    from polydl.spec.registry import CLASSES, FUNCTIONS

    yield from CLASSES
    yield from FUNCTIONS
    yield from (f"primitive:{name}" for name in PRIMITIVES)


def uncovered() -> list[str]:
    """What has no row."""
    covered = {item for each in EVERY for item in each.items}
    return [item for item in language() if item not in covered]
