"""What callbacks mean, against sequences of scores made by hand."""

from __future__ import annotations

import math

import pytest

import polydl as dl
from polydl.callbacks import emitted
from polydl.conformance.mutants_core import changed
from polydl.errors import DefinitionError

NAN, INF = math.nan, math.inf


def stops_after(scores: list[float], patience: int, min_delta: float = 0.0, mode: str = "min"):
    """(the epoch after which a run ends, the best one), from 1; None where there is none."""
    stopping = emitted.EarlyStopping("loss", mode, patience, min_delta)
    end = None
    for epoch, score in enumerate(scores):
        stopping.improved(epoch, {"loss": score})
        if stopping.stops():
            end = epoch + 1
            break
    return end, None if stopping.best_epoch is None else stopping.best_epoch + 1


STOPS = [
    ([5, 4, 3, 3, 3, 3], {"patience": 3}, (6, 3)),  # equal is no improvement
    ([5, 4, 3, 3, 3, 2], {"patience": 3}, (None, 6)),
    ([5, 6], {"patience": 1}, (2, 1)),
    ([5, 4, 3, 2], {"patience": 1}, (None, 4)),
    ([5, 4.5, 4.1, 3.9], {"patience": 2, "min_delta": 1.0}, (3, 1)),
    ([5, 4.5, 3.9, 3.5], {"patience": 2, "min_delta": 1.0}, (None, 3)),
    ([5, 4.0, 4.0], {"patience": 2, "min_delta": 1.0}, (3, 1)),  # by more than min_delta
    ([1, 2, 3, 2, 1], {"patience": 2, "mode": "max"}, (5, 3)),
    ([1, 2, 2, 2], {"patience": 2, "mode": "max"}, (4, 2)),
    ([NAN, 5, NAN, NAN, NAN], {"patience": 3}, (5, 2)),
    ([NAN, NAN, NAN], {"patience": 3}, (3, None)),
    ([NAN, INF, 5, 6], {"patience": 2}, (None, 3)),
    ([-INF, 1, 2], {"patience": 2, "mode": "max"}, (None, 3)),
]


@pytest.mark.parametrize(("scores", "options", "expected"), STOPS)
def test_early_stopping(scores, options, expected):
    assert stops_after(scores, **options) == expected


PLATEAUS = [  # the scale of each epoch, the first of which none has looked at
    ([5] * 8, {"patience": 2}, [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]),
    ([5] * 8, {"patience": 1}, [1, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]),
    ([5] * 9, {"patience": 2, "cooldown": 1}, [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]),
    ([5] * 8, {"patience": 1, "cooldown": 2}, [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]),
    ([5, 5, 4, 4, 4, 4], {"patience": 2}, [1, 1, 1, 1, 1, 0.5]),
    # what is better while nothing counts is the best all the same
    ([5, 5, 3, 4, 4], {"patience": 1, "cooldown": 1}, [1, 1, 0.5, 0.5, 0.25]),
    ([NAN] * 5, {"patience": 2}, [1, 1, 0.5, 0.5, 0.25]),
    ([5] * 4, {"patience": 1, "lowest": 0.3}, [1, 1, 0.5, 0.3]),
]


@pytest.mark.parametrize(("scores", "options", "expected"), PLATEAUS)
def test_plateau(scores, options, expected):
    assert scales(scores, **options) == expected


def scales(scores, **options):
    settings = {"min_delta": 0.0, "cooldown": 0, "lowest": 0.0, **options}
    plateau = emitted.ReduceLROnPlateau("loss", "min", 0.5, **settings)
    found = []
    for score in scores:
        found.append(plateau.rate(1.0))
        plateau.after_epoch({"loss": score})
    return found


@pytest.mark.parametrize(
    ("function", "pattern", "replacement"),
    [
        (emitted.improves, "score == score", "True"),
        (emitted.improves, "best - min_delta", "best + min_delta"),
        (emitted.improves, '"min" else score > best', '"min" else score >= best'),
        (emitted.EarlyStopping.improved, r"epoch, 0\n", "epoch, 1\n"),
        (emitted.EarlyStopping.improved, r"waited \+= 1", "waited = 1"),
        (emitted.EarlyStopping.stops, ">=", ">"),
        (emitted.ReduceLROnPlateau.after_epoch, ">= self.patience", "> self.patience"),
        (emitted.ReduceLROnPlateau.after_epoch, "better or self.cooling", "self.cooling"),
        (emitted.ReduceLROnPlateau.after_epoch, "= 0, self.cooldown", "= 0, 0"),
        (emitted.ReduceLROnPlateau.rate, r"max\((.*), min.*\)$", r"\1"),
    ],
)
def test_a_fault_in_them_is_noticed(function, pattern, replacement):
    with changed(function, pattern, replacement):
        stopped = all(stops_after(scores, **given) == end for scores, given, end in STOPS)
        slowed = all(scales(scores, **given) == found for scores, given, found in PLATEAUS)
    assert not (stopped and slowed)


def test_torch_reduces_one_epoch_later():
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=2, threshold=0.0, threshold_mode="abs", cooldown=2
    )
    ours = emitted.ReduceLROnPlateau("loss", "min", 0.5, 3, 0.0, 2, 0.0)
    optimizer.step()
    for score in [5, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2]:
        theirs.step(score)
        ours.after_epoch({"loss": score})
        assert ours.rate(1.0) == optimizer.param_groups[0]["lr"]


@pytest.mark.parametrize("last", [3.5, 3.4])
def test_keras_stops_with_the_same_patience(last):
    keras = pytest.importorskip("keras")
    theirs, model = keras.callbacks.EarlyStopping("loss", patience=3, mode="min"), keras.Model()
    model.stop_training = False
    theirs.set_model(model)
    theirs.on_train_begin()
    scores = [5, 4, 4.5, 3.5, 3.6, 3.5, last]
    for epoch, score in enumerate(scores):
        assert not model.stop_training
        theirs.on_epoch_end(epoch, {"loss": score})
    assert model.stop_training == (stops_after(scores, 3)[0] == 7)


def training(**options) -> dl.Training:
    return dl.Training(dl.CrossEntropy(), dl.SGD(0.1), metrics=["accuracy"], **options)


def test_json_and_state():
    settings = training(
        callbacks=[dl.EarlyStopping("val_accuracy", 3), dl.ReduceLROnPlateau("loss", 0.3)]
    )
    again = dl.Training.from_json(settings.to_json())
    assert [type(c) for c in again.callbacks] == [dl.EarlyStopping, dl.ReduceLROnPlateau]
    assert [c.config() for c in again.callbacks] == [c.config() for c in settings.callbacks]
    assert again.takes_rate
    assert not training(callbacks=[dl.EarlyStopping()]).takes_rate

    class Own(dl.Callback):
        pass

    with pytest.raises(DefinitionError, match="Own is not one of polydl's own"):
        training(callbacks=[Own()]).to_json()
