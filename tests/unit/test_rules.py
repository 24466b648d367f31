"""Which rule moves which parameters: what weight decay acts on, in groups too."""

from __future__ import annotations

import pytest

import polydl as dl
from polydl.errors import DefinitionError
from polydl.training.rules import rules

PROGRAM = dl.trace(dl.Sequential(dl.Dense(4), dl.LayerNorm(), dl.Dense(2)), dl.Input((None, 3)))


def decays(**settings) -> dict[str, float]:
    training = dl.Training(dl.MSE(), dl.AdamW(1e-3, weight_decay=0.1), **settings)
    found = rules(PROGRAM, training)
    return {path: rule.optimizer.weight_decay for rule in found for path in rule.paths}


def test_matrices_are_decayed():
    assert {path for path, decay in decays().items() if decay} == {"0.kernel", "2.kernel"}


def test_a_groups_own_decay_acts_on_what_is_decayed():
    groups = [dl.ParameterGroup("0.*", settings={"weight_decay": 0.5})]
    found = decays(groups=groups)
    assert (found["0.kernel"], found["0.bias"], found["2.kernel"]) == (0.5, 0.0, 0.1)
    found = decays(groups=groups, decayed=["*.bias", "0.kernel"])
    assert (found["0.kernel"], found["0.bias"], found["2.kernel"]) == (0.5, 0.5, 0.0)
    assert found["1.scale"] == 0.0


def test_a_groups_own_decay_that_reaches_nothing_is_refused():
    with pytest.raises(DefinitionError, match=r"bias' has a weight_decay, but decayed='matrices'"):
        decays(groups=[dl.ParameterGroup("*.bias", settings={"weight_decay": 0.5})])
