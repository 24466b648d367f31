"""The oracle against independent formulas, and the table's own completeness."""

from __future__ import annotations

import pytest

from polydl.conformance.rows import uncovered
from polydl.conformance.suite import Check, core_checks
from polydl.conformance.tolerances import OVERRIDES


@pytest.mark.parametrize("check", list(core_checks()), ids=str)
def test_oracle(check: Check) -> None:
    check.run().require()


def test_everything_has_a_row() -> None:
    assert uncovered() == []


def test_loosened_tolerances_have_a_cause() -> None:
    assert all(len(override.cause) > 20 for override in OVERRIDES)
