"""Training runs in float64, step by step: the backends against each other and a recorded run."""

from __future__ import annotations

from itertools import combinations

import pytest

from polydl.conformance import checks_training
from polydl.conformance.nets import Target
from polydl.conformance.nets import backend as backend_of
from tests.conftest import backends

RULES = pytest.mark.parametrize("rule", checks_training.RULES)


@pytest.fixture(scope="module")
def trainers(request: pytest.FixtureRequest) -> list[Target]:
    device = request.config.getoption("--device")
    names = [name for name in backends(request.config) if backend_of(name).trains]
    return [Target(name, device=device) for name in names]


@RULES
def test_losses_of_every_step(rule: str, trainers: list[Target]) -> None:
    """At each of 200 steps, within 1e-11 of each other."""
    for pair in combinations(trainers, 2):
        checks_training.losses(rule, *pair).require()


@RULES
def test_final_weights(rule: str, trainers: list[Target]) -> None:
    for pair in combinations(trainers, 2):
        checks_training.final_weights(rule, *pair).require()


@RULES
def test_recorded_losses(rule: str, trainers: list[Target]) -> None:
    """For a backend alone."""
    for target in trainers:
        checks_training.recorded_losses(rule, target).require()


@RULES
def test_evaluation_after_a_run(rule: str, trainers: list[Target]) -> None:
    """In evaluation mode: no dropout, running statistics."""
    for target in trainers:
        checks_training.evaluation(rule, target).require()


def test_runs_get_somewhere(trainers: list[Target]) -> None:
    """Agreement means little on a run that learns nothing."""
    for target in trainers:
        run = checks_training.curve(target, "nesterov", checks_training.EPOCHS)
        assert len(run.losses) == 200
        assert run.losses[-10:].mean() < 0.1 * run.losses[:10].mean()
        assert run.accuracy > 0.9


def test_definitions_train_like_natives(trainers: list[Target]) -> None:
    """One epoch: the start of the long run."""
    for target in trainers:
        short = checks_training.recorded_losses("adam", target.definitions(), 1)
        short.require()
