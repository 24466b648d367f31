"""Ways out and back in: files, the frameworks' own formats and tools, the source alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from polydl.conformance.checks_roundtrip import (
    PER_ROW,
    ROUND_TRIPS,
    fit_alone,
    saved,
    transformed,
    transforms,
)
from polydl.conformance.kit import kit
from polydl.conformance.nets import Target, available
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import Row
from polydl.errors import PolydlError

ROWS = pytest.mark.parametrize("row", ROUND_TRIPS, ids=lambda row: row.name)
SOME = [
    row
    for row in ROUND_TRIPS
    if row.name in ("residual CNN, plain", "tied transformer", "module used twice")
]
SMALL = next(row for row in ROUND_TRIPS if row.name == "nested Sequential")


@pytest.fixture
def target(backend: str, device: str) -> Target:
    if kit(backend) is None:
        pytest.skip("this backend has no conformance kit")
    return Target(backend, device=device)


@ROWS
@pytest.mark.parametrize("check", PER_ROW, ids=lambda check: check.__name__)
def test_round_trip(check: Callable[[Row, Target], Outcome], row: Row, target: Target) -> None:
    check(row, target).require()


@pytest.mark.parametrize("row", SOME, ids=lambda row: row.name)
def test_tools_of_the_framework(row: Row, target: Target) -> None:
    for name, transform in transforms(target.backend).items():
        if not transform.slow:
            transformed(row, target, name).require()


def test_slow_tools_of_the_framework(target: Target) -> None:
    wanting = []
    for name, transform in transforms(target.backend).items():
        if transform.slow and transform.missing:
            wanting.append(f"{name}: {transform.missing}")
        elif transform.slow:
            transformed(SMALL, target, name).require()
    if wanting:
        pytest.skip("; ".join(wanting))


def test_training_program_alone(target: Target) -> None:
    fit_alone(target).require()


@pytest.mark.parametrize("row", SOME[:2], ids=lambda row: row.name)
def test_saved_for_another_backend(row: Row, target: Target) -> None:
    names = available()
    other = names[(names.index(target.backend) + 1) % len(names)]
    saved(row, target, Target(other, device=target.device)).require()


def test_a_check_of_an_unknown_backend_says_so() -> None:
    with pytest.raises(PolydlError, match="unknown backend"):
        saved(SMALL, Target("nobody"), Target("nobody"))
