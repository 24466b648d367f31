"""A framework's own dropout begins from the training's seed: equal runs are equal."""

from __future__ import annotations

import numpy as np

import polydl as dl

x = np.random.default_rng(0).normal(size=(40, 4))
y = (x.sum(1) > 0).astype(np.int32)


def losses(backend: str, seed: int) -> np.ndarray:
    model = dl.Sequential(dl.Dense(8), dl.Dropout(0.5), dl.Dense(8), dl.Dropout(0.5), dl.Dense(2))
    net = dl.compile(model, dl.Input((None, 4)), backend=backend, seed=0)
    training = dl.Training(dl.CrossEntropy(), dl.SGD(0.1), 10, 2, shuffle=False, seed=seed)
    first = net.fit(training, (x, y)).steps
    return np.concatenate([first, net.fit(training, (x, y)).steps])


def test_equal_seeds_give_equal_masks(backend: str) -> None:
    np.testing.assert_array_equal(losses(backend, 0), losses(backend, 0))
    assert (losses(backend, 1) != losses(backend, 0)).all()
