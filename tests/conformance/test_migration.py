"""A run of 300 steps on each backend, and one that moves from backend to backend."""

from __future__ import annotations

from itertools import combinations, permutations

import pytest

from polydl.conformance import checks_migration as checks
from polydl.conformance.nets import Target
from polydl.conformance.nets import backend as backend_of
from tests.conftest import backends


@pytest.fixture(scope="module")
def trainers(request: pytest.FixtureRequest) -> list[Target]:
    device = request.config.getoption("--device")
    names = [name for name in backends(request.config) if backend_of(name).trains]
    return [Target(name, device=device) for name in names]


def test_the_same_trajectory_everywhere(trainers: list[Target]) -> None:
    """Transformer, dropout, warm-up and cosine, AdamW, clipping, parts of batches, an average."""
    for pair in combinations(trainers, 2):
        checks.curves(*pair).require()
    for target in trainers:
        losses = checks.whole(target)[0].steps
        assert len(losses) == checks.STEPS
        assert losses[-15:].mean() < 0.6 * losses[:15].mean(), "a run that learns nothing"


def test_a_run_that_moves_stays_on_the_curve(trainers: list[Target]) -> None:
    """At steps 100 and 200, both in the middle of an epoch."""
    ways = list(permutations(trainers, 3)) if len(trainers) > 2 else [tuple(trainers * 3)[:3]]
    for way in (ways[0], ways[-1]):
        for outcome in checks.migration(way):
            outcome.require()
