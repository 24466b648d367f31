"""The suite itself: every seeded mutant is caught, by the very checks that all else passes."""

from __future__ import annotations

import pytest

from polydl.conformance import mutants_core
from polydl.conformance.mutants import MUTANTS, judge, judge_weight_layout
from polydl.conformance.nets import Target
from tests.conftest import backends

SHARED = [mutant for mutant in MUTANTS if mutant.shared]


def test_mutants_are_caught(backend: str) -> None:
    verdicts = {m.name: judge(m, Target(backend)) for m in MUTANTS if not m.shared}
    verdicts["weight layout"] = judge_weight_layout(Target(backend))
    applied = {name: verdict for name, verdict in verdicts.items() if verdict.applied}
    assert [name for name, verdict in applied.items() if not verdict.caught] == []
    assert len(applied) >= 20


@pytest.mark.parametrize("mutant", SHARED, ids=lambda mutant: mutant.name)
def test_mutants_of_the_shared_loop_are_caught(mutant, pytestconfig: pytest.Config) -> None:
    verdict = judge(mutant, Target(backends(pytestconfig)[-1]))
    assert verdict.applied
    assert verdict.caught


@pytest.mark.parametrize("mutant", mutants_core.MUTANTS, ids=lambda mutant: mutant.name)
def test_mutants_of_definitions_and_the_oracle_are_caught(mutant) -> None:
    assert mutants_core.judge(mutant).caught


def test_a_mutant_that_changes_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no"), mutants_core.changed(judge, "nowhere", ""):
        pass


def test_every_mutant_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
