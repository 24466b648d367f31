"""Averages of weights, from the outside: what scores are of, files, and what they begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.backend import installed_backends
from polydl.errors import DefinitionError

BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]
RNG = np.random.default_rng(5)
DATA = (RNG.standard_normal((12, 6, 3)), RNG.standard_normal((12, 2)))
EMA = dl.EMA(0.8)
RISING = dl.Piecewise([6], [0.01, 1.0])  # learns for two epochs, and then unlearns


def net(backend: str) -> dl.Net:
    """With BatchNorm's state, and GRU's kernels and biases, which lie in another way in Keras."""
    last = dl.Sequential(dl.GRU(3), lambda x: x[:, -1], dl.BatchNorm(), dl.Dense(2))
    return dl.compile(last, dl.Input((None, 6, 3)), backend=backend, dtype="float64", seed=1)


def training(average: Any = EMA, **settings: Any) -> dl.Training:
    given = {"optimizer": dl.Adam(0.01), **settings}
    return dl.Training(dl.MSE(), batch_size=4, average=average, **given)


@pytest.mark.parametrize("backend", BACKENDS)
def test_scores_are_those_of_the_averages(backend: str, tmp_path: Path) -> None:
    one, settings = net(backend), training(epochs=3, seed=3)
    history = one.fit(settings, DATA, validation=DATA)
    averages = one.averaged_weights
    scored = one.evaluate(settings, DATA)
    assert scored["loss"] == history.epochs[-1]["val_loss"]
    assert scored["loss"] != one.evaluate(training(None), DATA)["loss"]
    state = [path for path in averages if "running" in path or "mean" in path or "variance" in path]
    for path in state:
        np.testing.assert_array_equal(averages[path], one.weights[path])
    one.load_weights(averages)
    assert one.evaluate(training(None), DATA)["loss"] == pytest.approx(scored["loss"], rel=1e-12)
    assert one.evaluate(settings, DATA)["loss"] == pytest.approx(scored["loss"], rel=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_goes_on(backend: str) -> None:
    """In one fit, in two, and with scores of another kind of data between."""
    whole, parted = net(backend), net(backend)
    whole.fit(training(epochs=2), DATA)
    parted.fit(training(epochs=1), DATA)
    parted.evaluate(training(), (*DATA, np.ones(12)))
    parted.fit(training(epochs=1), DATA)
    for path, value in whole.averaged_weights.items():
        np.testing.assert_allclose(parted.averaged_weights[path], value, rtol=0, atol=1e-13)


def test_the_best_checkpoint_holds_what_was_scored(tmp_path: Path) -> None:
    """And a run goes on from it with the weights that it trains."""
    keep = dl.Checkpoint(str(tmp_path), best="val_loss")
    settings = training(epochs=4, checkpoint=keep, shuffle=False, optimizer=dl.Adam(RISING))
    whole = net(BACKENDS[0])
    history = whole.fit(settings, DATA, validation=DATA)
    best = int(np.argmin(history["val_loss"]))
    assert best < 3, "the run must have its best before its end"
    loaded = dl.load(tmp_path / "best.safetensors", backend=BACKENDS[0], dtype="float64")
    scored = loaded.evaluate(training(None), DATA)["loss"]
    assert scored == pytest.approx(history["val_loss"][best], rel=1e-12)
    other = net(BACKENDS[0])
    again = other.fit(settings, DATA, validation=DATA, resume=tmp_path / "best.safetensors")
    np.testing.assert_array_equal(again.steps, history.steps)
    for path, value in whole.averaged_weights.items():
        np.testing.assert_array_equal(other.averaged_weights[path], value)


@pytest.mark.parametrize("first", BACKENDS)
def test_a_checkpoint_carries_them(first: str, tmp_path: Path) -> None:
    """To the same backend, and to the next."""
    settings = training(epochs=2, checkpoint=dl.Checkpoint(tmp_path, every_epochs=1))
    half = training(epochs=1, checkpoint=dl.Checkpoint(tmp_path, every_epochs=1))
    whole = net(first)
    whole.fit(training(epochs=2), DATA)
    net(first).fit(half, DATA)
    second = net(BACKENDS[(BACKENDS.index(first) + 1) % len(BACKENDS)])
    second.fit(settings, DATA, resume=True)
    for path, value in whole.averaged_weights.items():
        np.testing.assert_allclose(second.averaged_weights[path], value, rtol=0, atol=1e-12)


def test_there_are_none() -> None:
    with pytest.raises(DefinitionError, match="there are no averages of weights: fit with"):
        _ = net(BACKENDS[0]).averaged_weights
