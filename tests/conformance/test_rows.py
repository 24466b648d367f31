"""The table of rows itself: sound, and about what is there."""

from __future__ import annotations

import pytest

from polydl.conformance import oracle
from polydl.conformance.gaps import GAPS
from polydl.conformance.nets import available
from polydl.conformance.row import AnyRow, OptimizerRow, Row
from polydl.conformance.rows import EVERY, ROWS, language
from polydl.conformance.tolerances import OVERRIDES, TOLERANCES

SMOOTH = [(row, training) for row in ROWS if row.gradients for training in row.modes]


def test_rows_cover_nothing_that_is_not_there() -> None:
    known = {*language(), "composite"}
    assert [item for row in EVERY for item in row.items if item not in known] == []


def test_names_are_unique() -> None:
    names = [row.name for row in EVERY]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("row", "training"), SMOOTH, ids=[f"{row.name}-{training}" for row, training in SMOOTH]
)
def test_samples_are_away_from_kinks(row: Row, training: bool) -> None:
    """The five-point derivative agrees with itself, so that it can judge others."""
    found = oracle.derivative(row, training)
    assert found.error <= 1e-10 * max(abs(found.value), 0.1)


def test_every_part_has_gradients_or_cannot(row_without_gradients: list[AnyRow]) -> None:
    """Rows that leave gradients out are of integers or of extremes, or another row has them."""
    assert {row.name for row in row_without_gradients} == {
        "integers", "functions, extreme", "mix", "hash bits", "batch norm, offset",
        "tied transformer", "loops of unknown length", "activations, extreme", "stepwise functions",
        "operations on integers", "Python's operators", "NumPy's conversions of ints and bools",
    }  # fmt: skip


@pytest.fixture
def row_without_gradients() -> list[AnyRow]:
    return [row for row in ROWS if not row.gradients]


def test_every_optimizer_moves_groups_at_several_rates() -> None:
    """At a constant rate, which definitions have in their text, and at a scheduled one."""
    found = {
        (item, row.scheduled)
        for row in EVERY
        if isinstance(row, OptimizerRow) and any(group.rate != 1.0 for group in row.groups)
        for item in row.items
    }
    kinds = {item for row in EVERY if isinstance(row, OptimizerRow) for item in row.items}
    assert found == {(kind, scheduled) for kind in kinds for scheduled in (False, True)}


def test_overrides_are_of_rows_that_exist() -> None:
    names = {row.name for row in EVERY}
    for override in OVERRIDES:
        assert override.row in names
        assert (override.check, override.dtype) in TOLERANCES


def test_gaps_state_a_reason() -> None:
    names = {row.name for row in EVERY}
    for gap in GAPS:
        assert gap.row in names
        assert gap.backend in available()
        assert len(gap.reason) > 20
