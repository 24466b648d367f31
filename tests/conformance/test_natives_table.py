"""docs/natives.md says what the backends write now."""

from __future__ import annotations

from pathlib import Path

import pytest

from polydl.conformance.natives_table import natives_table, uses
from polydl.conformance.nets import available
from polydl.conformance.nets import backend as backend_of
from polydl.conformance.table import support_table

PAGE = Path(__file__).parents[2] / "docs" / "natives.md"


def test_the_page_is_up_to_date() -> None:
    names = available()
    shown = next(line for line in PAGE.read_text().splitlines() if line.startswith("| | "))
    if shown.strip("| ").split(" | ") != names:
        pytest.skip(f"the page is about {shown}, here are {names}")
    assert natives_table(names) == PAGE.read_text(), (
        "write it anew: polydl conformance --natives docs/natives.md"
    )


def test_reasons_are_of_built_ins(backend: str) -> None:
    own = backend_of(backend)
    assert [kind for kind in own.reasons if kind not in uses(own)] == []


def test_rows_of_groups_of_parameters_are_in_the_table() -> None:
    """Groups are of the row's own model, the text is of another."""
    pytest.importorskip("torch")
    table = support_table([], "torch", ["lion, groups"])
    assert "Lion" in list(table.columns[0].cells)
