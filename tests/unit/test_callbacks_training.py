"""Early stopping and plateaus inside emitted programs, on each backend."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.backend import installed_backends
from polydl.errors import DivergenceError
from polydl.training.program_callbacks import ProgramCallbacks
from polydl.training.run import Run

BACKENDS = [found.name for found in installed_backends() if not found.missing]
RNG = np.random.default_rng(3)
x = RNG.normal(size=(40, 4))
y = RNG.integers(0, 3, 40).astype(np.int32)
held_out = RNG.normal(size=(12, 4)), RNG.integers(0, 3, 12).astype(np.int32)


def net(backend: str) -> dl.Net:
    model = dl.Sequential(dl.Dense(8), dl.tanh, dl.BatchNorm(), dl.Dense(3))
    return dl.compile(model, dl.Input((None, 4)), backend=backend, dtype="float64")


def training(*callbacks: dl.Callback, **options: Any) -> dl.Training:
    defaults = {"loss": dl.CrossEntropy(), "optimizer": dl.SGD(0.5, momentum=0.9),
                "batch_size": 16, "epochs": 12}  # fmt: skip
    return dl.Training(**{**defaults, **options}, callbacks=callbacks)


class Weights(dl.Callback):
    def __init__(self) -> None:
        self.seen: list[dict[str, np.ndarray]] = []

    def on_epoch_end(self, run: dl.Run, epoch: int, scores: dict[str, float]) -> None:
        self.seen.append(run.net.weights)


@pytest.fixture(scope="module", params=BACKENDS)
def stopped(request: Any) -> tuple[dl.Net, dl.History, Weights]:
    one, weights = net(request.param), Weights()
    settings = training(dl.EarlyStopping(patience=3), dl.ReduceLROnPlateau(patience=1), weights)
    return one, one.fit(settings, (x, y), held_out), weights


def test_the_run_ends_patience_epochs_after_the_best(stopped):
    _, history, _ = stopped
    scores = [epoch["val_loss"] for epoch in history.epochs]
    best = int(np.argmin(scores))
    assert len(scores) == best + 1 + 3 < 12
    assert history.stopped == (f"EarlyStopping: val_loss has not improved since epoch {best + 1}")
    assert not history.interrupted


def test_the_net_has_the_weights_and_state_of_the_best_epoch(stopped):
    one, history, weights = stopped
    best = int(np.argmin([epoch["val_loss"] for epoch in history.epochs]))
    now = one.weights
    for path, value in weights.seen[best].items():
        np.testing.assert_array_equal(now[path], value, err_msg=path)
    assert any(not np.array_equal(now[path], v) for path, v in weights.seen[-1].items())
    settings = training()
    assert one.evaluate(settings, held_out)["loss"] == history.epochs[best]["val_loss"]


def test_backends_stop_alike():
    if len(BACKENDS) < 2:
        pytest.skip("one backend only")
    settings = training(dl.EarlyStopping(patience=3), dl.ReduceLROnPlateau(patience=1))
    runs = [net(backend).fit(settings, (x, y), held_out) for backend in BACKENDS]
    for run in runs[1:]:
        np.testing.assert_allclose(run.steps, runs[0].steps, rtol=1e-12)
        assert len(run.epochs) == len(runs[0].epochs)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scheduled", [False, True])
def test_a_plateau_scales_the_rate_of_the_next_epoch(backend, scheduled):
    """A metric that never improves: rates are those of a schedule written by hand."""
    every = 2
    plateau = dl.ReduceLROnPlateau(
        "loss", mode="max", min_delta=1e9, factor=0.5, patience=every, cooldown=1, lowest=0.1
    )
    first = dl.ExponentialDecay(0.5, steps=4, factor=0.9) if scheduled else 0.5
    factors = [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]  # epoch 1 is the best ever
    steps = 3

    rates = [first.at(i) if scheduled else first for i in range(9 * steps)]
    rates = [max(r * factors[i // steps], 0.1) for i, r in enumerate(rates)]
    by_hand = dl.Piecewise(list(range(1, 9 * steps)), rates)
    one, other = net(backend), net(backend)
    a = one.fit(training(plateau, optimizer=dl.SGD(first, momentum=0.9), epochs=9), (x, y))
    b = other.fit(training(optimizer=dl.SGD(by_hand, momentum=0.9), epochs=9), (x, y))
    np.testing.assert_allclose(a.steps, b.steps, rtol=1e-13)


def test_a_run_that_diverges_is_made_again_at_the_rates_it_had():
    """From a copy of some epochs ago, without validation: nothing may be watched there."""

    class Explode(dl.Callback):
        changes_rate = True

        def on_epoch_begin(self, run: dl.Run, epoch: int) -> None:
            run.restore_rate_factor(np.inf if epoch == 4 else 1.0)  # unchecked

    pytest.importorskip("torch")
    one, other = net("torch"), net("torch")
    plateau = dl.ReduceLROnPlateau("val_loss", mode="max", min_delta=1e9, factor=0.5, patience=1)
    callbacks = [dl.EarlyStopping(patience=9), plateau]
    weights = Weights()
    other.fit(training(*callbacks, weights, epochs=3), (x, y), held_out)
    with pytest.raises(DivergenceError, match="in epoch 4") as caught:
        one.fit(training(*callbacks, Explode(), dl.ProgressBar()), (x, y), held_out)
    found = caught.value.history
    assert len(found.epochs) == 3
    for path, value in weights.seen[-1].items():  # the last before the rate exploded
        np.testing.assert_allclose(one.weights[path], value, rtol=1e-12, err_msg=path)


def test_a_callback_that_changes_the_rate():
    pytest.importorskip("torch")

    class Halve(dl.Callback):
        changes_rate = True

        def on_epoch_end(self, run: dl.Run, epoch: int, scores: dict[str, float]) -> None:
            run.rate_factor /= 2

    one, other = net("torch"), net("torch")
    a = one.fit(training(Halve(), epochs=4), (x, y)).steps
    rate = dl.StepDecay(0.5, 3, 0.5)
    b = other.fit(training(optimizer=dl.SGD(rate, momentum=0.9), epochs=4), (x, y)).steps
    np.testing.assert_allclose(a, b, rtol=1e-13)


def test_hooks_in_order():
    pytest.importorskip("torch")
    told: list[Any] = []

    class Own(dl.Callback):
        def on_train_begin(self, run):
            told.append(("begin", run.step, run.epoch, run.epochs, run.steps_per_epoch))

        def on_epoch_begin(self, run, epoch):
            told.append(("epoch", epoch))

        def on_step_end(self, run, step):
            told.append(step)

        def on_epoch_end(self, run, epoch, scores):
            told.append(("end", epoch, run.step, sorted(scores)))
            if epoch == 2:
                run.stop("enough")

        def on_train_end(self, run):
            told.append(("over", run.stopped))

    one = net("torch")
    history = one.fit(training(Own(), epochs=5), (x, y))
    assert history.stopped == "enough"
    assert told == [
        ("begin", 0, 0, 5, 3),
        ("epoch", 1), 1, 2, 3, ("end", 1, 3, ["loss"]),
        ("epoch", 2), 4, 5, 6, ("end", 2, 6, ["loss"]),
        ("over", "enough"),
    ]  # fmt: skip
    told.clear()
    one.fit(training(Own(), epochs=1), (x, y))
    assert told[:3] == [("begin", 6, 2, 1, 3), ("epoch", 3), 7]


def test_an_error_reaches_every_callback():
    pytest.importorskip("torch")
    told: list[str] = []

    class Watch(dl.Callback):
        def on_train_end(self, run):
            told.append("end")

        def on_exception(self, run, error):
            told.append(str(error))

    class Fail(Watch):
        def on_epoch_end(self, run, epoch, scores):
            raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        net("torch").fit(training(Watch(), Fail(), Watch()), (x, y))
    assert told == ["full"] * 3


def test_state_goes_on_in_another_run():
    """What a checkpoint keeps: the second half of a run decides as the whole one did."""
    pytest.importorskip("torch")

    callbacks = dl.EarlyStopping(patience=3), dl.ReduceLROnPlateau(patience=1)
    one, other = net("torch"), net("torch")
    settings = training(*callbacks)
    one.fit(settings, (x, y), held_out)
    prepared = other._fitting.prepare(settings)
    first = ProgramCallbacks(Run(other, settings, 1, 1), prepared)
    for epoch, score in enumerate([3.0, 2.0, 2.5]):
        if first.instances["early_stopping"].improved(epoch, {"val_loss": score}):
            first.instances["early_stopping"].weights = prepared.trainer.snapshot()
        first.instances["plateau"].after_epoch({"val_loss": score})
    states = json.loads(json.dumps(first.states()))
    assert states == {
        "early_stopping": {"best": 2.0, "best_epoch": 1, "waited": 1},
        "plateau": {"best": 2.0, "waited": 0, "cooling": 0, "scale": 0.1},
        "run": {"rate_factor": 1.0},
    }
    best = first.best_weights()
    other.load_weights(one.weights)
    second = ProgramCallbacks(Run(other, settings, 1, 1), prepared)
    second.load_states(states)
    second.set_best_weights(best)
    assert second.states() == states
    for path, value in second.best_weights().items():
        np.testing.assert_array_equal(value, best[path])
        np.testing.assert_array_equal(other.weights[path], one.weights[path])


@pytest.mark.parametrize("at", [1, 3, 5, 6])
def test_a_run_that_resumes_stops_and_restores_as_the_whole_one(at, tmp_path):
    """Interrupted after an epoch: before and after the best one, at a reduced rate, at its end."""
    pytest.importorskip("torch")

    class Interrupt(dl.Callback):
        def on_epoch_begin(self, run: dl.Run, epoch: int) -> None:
            if epoch == at + 1:
                raise RuntimeError("killed")

        def on_train_end(self, run: dl.Run) -> None:
            raise RuntimeError("killed")

    callbacks = dl.EarlyStopping(patience=3), dl.ReduceLROnPlateau(patience=1, factor=0.5)
    whole, first, second = net("torch"), net("torch"), net("torch")
    expected = whole.fit(training(*callbacks), (x, y), held_out)
    assert len(expected.epochs) == 6
    settings = training(*callbacks, checkpoint=dl.Checkpoint(str(tmp_path)))
    with pytest.raises(RuntimeError, match="killed"):
        first.fit(
            training(*callbacks, Interrupt(), checkpoint=settings.checkpoint), (x, y), held_out
        )
    history = second.fit(settings, (x, y), held_out, resume=True)
    assert history.epochs == expected.epochs
    assert history.stopped == expected.stopped
    for path, value in whole.weights.items():
        np.testing.assert_array_equal(second.weights[path], value, err_msg=path)


@pytest.mark.parametrize("backend", BACKENDS)
def test_averages_of_the_best_epoch_come_back_too(backend):
    """Scores of validation are the averages'."""

    class Averages(dl.Callback):
        def __init__(self) -> None:
            self.seen: list[dict[str, np.ndarray]] = []

        def on_epoch_end(self, run: dl.Run, epoch: int, scores: dict[str, float]) -> None:
            self.seen.append(run.net.averaged_weights)

    one, averages = net(backend), Averages()
    settings = training(dl.EarlyStopping(patience=2), averages, average=dl.EMA(0.5), epochs=20)
    history = one.fit(settings, (x, y), held_out)
    assert history.stopped
    for path, value in averages.seen[-3].items():
        np.testing.assert_array_equal(one.averaged_weights[path], value, err_msg=path)
    assert any((averages.seen[-1][p] != v).any() for p, v in one.averaged_weights.items())
