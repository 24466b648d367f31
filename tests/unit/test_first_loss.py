"""What a comparison expects of the first training step is what the emitted program computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.compare.first_loss import first_loss
from polydl.conformance.tolerances import TOLERANCES
from polydl.spec.initializers import initial_weights
from polydl.training.arrays import training_arrays

pytest.importorskip("torch")
RNG = np.random.default_rng(0)
X, NUMBERS = RNG.normal(size=(11, 5)), RNG.normal(size=(11, 3))
LABELS = RNG.integers(0, 3, 11).astype(np.int32)
MISSING = np.where(np.arange(11) % 3 == 0, -1, LABELS)


@dataclass(eq=False)
class Cube(dl.Loss):
    """A loss of one's own, with a __call__."""

    def __call__(self, outputs: Any, targets: Any) -> Any:
        return dl.ops.mean(dl.ops.abs(outputs - targets) ** 3)


class Heads(dl.Module):
    def __init__(self) -> None:
        self.drop, self.label, self.number = dl.Dropout(0.3), dl.Dense(3), dl.Dense(3)

    def __call__(self, x: Any) -> Any:
        h = self.drop(x)
        return {"label": self.label(h), "number": self.number(h)}


DROPPED = dl.Sequential(dl.Dense(6), dl.Dropout(0.4), dl.Dense(3))
NORMED = dl.Sequential(dl.Dense(6), dl.BatchNorm(), dl.Dense(3))
PENALTIES = [dl.L2(0.1), dl.L1(0.05, where="*.bias")]
CASES: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "penalties": (NORMED, dl.CrossEntropy(), LABELS, {"penalties": PENALTIES}),
    "dropout in parts": (DROPPED, dl.CrossEntropy(), LABELS, {"accumulate": 3}),
    "batch norm in parts": (NORMED, dl.MSE(), NUMBERS, {"accumulate": 2, "penalties": PENALTIES}),
    "ignored labels in parts": (
        DROPPED, dl.CrossEntropy(ignore_index=-1), MISSING, {"accumulate": 4},
    ),
    "a sum in parts": (NORMED, dl.MSE(reduction="sum"), NUMBERS, {"accumulate": 2}),
    "one's own in parts": (DROPPED, Cube(), NUMBERS, {"accumulate": 3}),
    "several outputs in parts": (
        Heads(), {"label": dl.CrossEntropy(ignore_index=-1), "number": Cube()},
        {"label": MISSING, "number": NUMBERS}, {"accumulate": 3, "loss_weights": {"number": 2.0}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_expected_is_what_the_step_gives(case: str) -> None:
    model, loss, targets, options = CASES[case]
    program = dl.trace(model, dl.Input((None, 5)))
    training = dl.Training(loss, dl.SGD(0.0), 11, shuffle=False, randomness="portable", **options)
    net = dl.compile(program, backend="torch", dtype="float64", seed=4)
    found = net.fit(training, (X, targets), progress=False).steps[0]
    batch = training_arrays(program, training, "float64", (X, targets), "data")
    expected = first_loss(program, training, initial_weights(program, 4), batch)
    assert found == pytest.approx(expected, rel=TOLERANCES["score", "float64"])
