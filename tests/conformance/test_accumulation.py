"""A batch taken in parts moves weights as the whole batch does, whatever its loss is a mean of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.backend import installed_backends
from polydl.conformance.tolerances import TOLERANCES

BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 6, 5))
LABELS = RNG.integers(0, 3, (22, 6)).astype(np.int32)
MISSING = np.where(RNG.uniform(size=(22, 6)) < 0.4, -1, LABELS)
MISSING[:3] = -1  # in no order, so that whole parts may be without a label
WEIGHTS, EACH = RNG.uniform(0.5, 2.0, 22), RNG.uniform(0.5, 2.0, (22, 6))
NUMBERS = RNG.normal(size=(22, 6, 2))
CLASSES = (0.2, 1.0, 3.0)

CASES: dict[str, tuple[Any, Any, tuple[Any, ...]]] = {
    "mean": (dl.CrossEntropy(), LABELS, ()),
    "weights": (dl.CrossEntropy(), LABELS, (WEIGHTS,)),
    "ignored labels": (dl.CrossEntropy(ignore_index=-1), MISSING, ()),
    "weights of classes": (
        dl.CrossEntropy(class_weights=CLASSES, reduction="weighted_mean"), LABELS, (EACH,),
    ),
    "weighted mean": (dl.CrossEntropy(reduction="weighted_mean"), LABELS, (WEIGHTS,)),
    "ignored and weighted": (
        dl.CrossEntropy(ignore_index=-1, reduction="weighted_mean"), MISSING, (WEIGHTS,),
    ),
    "sum": (dl.CrossEntropy(reduction="sum"), LABELS, ()),
    "several": (
        {"label": dl.CrossEntropy(ignore_index=-1), "number": dl.MSE(reduction="sum")},
        {"label": MISSING, "number": NUMBERS}, (),
    ),
}  # fmt: skip


class Heads(dl.Module):
    def __init__(self) -> None:
        self.label, self.number = dl.Dense(3), dl.Dense(2)

    def __call__(self, x: Any) -> Any:
        return {"label": self.label(x), "number": self.number(x)}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_parts_are_the_whole(backend: str, case: str) -> None:
    loss, targets, weights = CASES[case]
    metrics = {"label": ["accuracy"]} if isinstance(loss, dict) else ["accuracy"]
    nets, runs = [], []
    for parts in (1, 3):
        model = Heads() if isinstance(loss, dict) else dl.Dense(3)
        net = dl.compile(model, dl.Input((None, 6, 5)), backend=backend, dtype="float64", seed=1)
        training = dl.Training(
            loss, dl.SGD(0.1), batch_size=8, epochs=2, metrics=metrics,
            penalties=[dl.L2(1e-2)], accumulate=parts,
        )  # fmt: skip
        runs.append(net.fit(training, (X, targets, *weights), progress=False))
        nets.append(net)
    allowed = TOLERANCES["losses", "float64"]
    np.testing.assert_allclose(runs[1].steps, runs[0].steps, rtol=allowed)
    for name, score in runs[0].epochs[-1].items():
        if "accuracy" not in name or "ignored" not in case:
            np.testing.assert_allclose(runs[1].epochs[-1][name], score, rtol=allowed, err_msg=name)
    for path, value in nets[0].weights.items():
        np.testing.assert_allclose(nets[1].weights[path], value, rtol=allowed, err_msg=path)
