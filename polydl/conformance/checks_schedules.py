"""Checks of schedules: the oracle against formulas, and the emitted function against the oracle."""

from __future__ import annotations

import numpy as np

from polydl.conformance.memo import ORACLE, memoized
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import Array, ScheduleRow
from polydl.conformance.tolerances import SCALE, bound
from polydl.reference.interpreter import evaluate_block
from polydl.training.rates import rate_function

FAR = (10_000, 1_000_000)  # steps looked at besides the first


def _steps(row: ScheduleRow) -> list[int]:
    return [*range(row.steps), *FAR]


@memoized(ORACLE)
def rates(row: ScheduleRow) -> Array:
    """What the oracle gives."""
    blocks = row.schedule().trace()
    return np.array([evaluate_block(blocks, [np.asarray(s, np.int32)])[0] for s in _steps(row)])


def formula(row: ScheduleRow) -> Outcome:
    """The oracle's rates against the row's independent formula."""
    expected = np.array([row.formula(step) for step in _steps(row)])
    return _outcome(row, expected, bound("oracle", "float64"), "oracle")


def emitted(row: ScheduleRow) -> Outcome:
    """The rates of the emitted function against the oracle's."""
    function = rate_function(row.schedule())
    found = [function(step) for step in _steps(row)]
    assert all(type(rate) is float for rate in found), row.name
    return _outcome(row, np.array(found), bound("rates", "float64"), "rates")


def _outcome(row: ScheduleRow, found: Array, limit: float, check: str) -> Outcome:
    oracle = rates(row)
    errors = np.abs(found - oracle) / np.max(oracle)
    worst = int(np.argmax(errors))
    step = f"step {_steps(row)[worst]}"
    return Outcome(check, row.name, "the oracle", float(errors[worst]), limit, SCALE, step)
