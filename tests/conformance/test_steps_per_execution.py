"""How many steps run in one execution changes nothing that is computed."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DefinitionError

RNG = np.random.default_rng(0)
x = RNG.normal(size=(50, 8, 8, 1))
y = RNG.integers(0, 3, 50).astype(np.int32)


@pytest.mark.parametrize("layer", [dl.Dense(4), dl.Conv2D(4, 3)], ids=["dense", "convolution"])
def test_steps_per_execution(layer: dl.Module, backend: str) -> None:
    model = dl.Sequential(
        layer, dl.BatchNorm(), dl.relu, dl.Dropout(0.3), dl.Flatten(), dl.Dense(3)
    )
    histories, weights = [], []
    for steps in (None, 1, 3):
        training = dl.Training(
            dl.CrossEntropy(), dl.Adam(1e-2), batch_size=6, epochs=2, metrics=[dl.Accuracy()],
            randomness="portable", steps_per_execution=steps,
        )  # fmt: skip
        net = dl.compile(model, dl.Input((None, 8, 8, 1)), backend=backend, dtype="float64")
        histories.append(net.fit(training, (x, y), validation=(x, y)))
        weights.append(net.weights)
    for history, trained in zip(histories[1:], weights[1:], strict=True):
        np.testing.assert_allclose(history.steps, histories[0].steps, rtol=1e-12)
        # a bias before a batch norm has no gradient but rounding, which Adam magnifies
        for epoch, first in zip(history.epochs, histories[0].epochs, strict=True):
            assert epoch == pytest.approx(first, rel=1e-8)
        for path, value in trained.items():
            np.testing.assert_allclose(value, weights[0][path], atol=1e-8, err_msg=path)


@pytest.mark.parametrize("steps", [0, -1, 2.5, True])
def test_steps_are_checked(steps: object) -> None:
    with pytest.raises(DefinitionError, match="steps_per_execution must be a positive integer"):
        dl.Training(dl.MSE(), dl.SGD(0.1), steps_per_execution=steps)
