"""A user's own optimizer is a definition like polydl's, and runs on every backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.conformance import checks_optimizers
from polydl.conformance.nets import Target, available
from polydl.conformance.row import OptimizerRow
from polydl.errors import DefinitionError


@dataclass
class Centralized(dl.Optimizer):
    """g = g - mean(g) over all but the outputs (Yong et al. 2020);  v = momentum v + g;
    p = p - learning_rate v / (1 + |v|). It looks at shapes, and so at orientations."""

    learning_rate: Any = 0.1
    momentum: float = 0.9
    elementwise = False

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",)

    def slot_fill(self, slot: str) -> float:
        return 0.01

    def update(self, parameter, gradient, step, velocity):
        axes = tuple(range(parameter.ndim - 1))
        if axes:
            gradient = gradient - ops.mean(gradient, axes, keepdims=True)
        velocity = self.momentum * velocity + gradient
        return parameter - self.learning_rate * velocity / (1.0 + ops.norm(velocity)), velocity


def formula(path, p, g, t, rate, kept):
    (velocity,) = kept or (np.full(p.shape, 0.01),)
    flat = g.reshape(-1, p.shape[-1])
    g = (flat - flat.mean(0)).reshape(p.shape) if p.ndim > 1 else g
    velocity = 0.9 * velocity + g
    return p - rate * velocity / (1 + np.sqrt(np.sum(velocity**2))), (velocity,)


ROW = OptimizerRow("centralized", (), Centralized, formula, 0.1)


def test_the_oracle_runs_it():
    assert checks_optimizers.formula(ROW).passed


@pytest.mark.parametrize("backend", available())
def test_a_backend_runs_it(backend):
    outcome = checks_optimizers.updates(ROW, Target(backend))
    assert outcome.passed, str(outcome)


def test_it_is_not_written_as_json():
    with pytest.raises(DefinitionError, match="Centralized is not one of polydl's own"):
        dl.Training(dl.MSE(), Centralized()).to_json()
