"""Impossible callbacks are refused before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DefinitionError


class Bias(dl.Metric):
    name = "bias"

    def __call__(self, outputs: Any, targets: Any) -> Any:
        return dl.ops.mean(outputs)


def training(*callbacks: Any, **options: Any) -> dl.Training:
    metrics = [dl.Accuracy(), Bias()]
    return dl.Training(dl.CrossEntropy(), dl.SGD(0.1), metrics=metrics, callbacks=callbacks)


CASES = [
    (lambda: dl.EarlyStopping(patience=0), "EarlyStopping: patience must be 1 or more, got 0"),
    (lambda: dl.EarlyStopping(patience=2.5), "patience must be an integer, got 2.5"),
    (lambda: dl.EarlyStopping(min_delta=-1.0), "min_delta must be 0 or more, got -1.0"),
    (lambda: dl.EarlyStopping(mode="auto"), "mode must be 'min', 'max' or None, got 'auto'"),
    (lambda: dl.ReduceLROnPlateau(factor=1.0), "factor must be between 0 and 1, got 1.0"),
    (lambda: dl.ReduceLROnPlateau(cooldown=-1), "cooldown must be 0 or more, got -1"),
    (lambda: dl.ReduceLROnPlateau(lowest=-1e-3), "lowest must be 0 or more, got -0.001"),
    (lambda: training(dl.EarlyStopping("val_acuracy")),
     "EarlyStopping: there is no score 'val_acuracy' to monitor. Did you mean 'val_accuracy'"),
    (lambda: training(dl.ReduceLROnPlateau("val_f1")), "ReduceLROnPlateau: there is no score"),
    (lambda: training(dl.EarlyStopping("val_bias")), "Give mode='min' or mode='max', or let"),
    (lambda: training(dl.EarlyStopping(), dl.EarlyStopping("loss")),
     "only one callback can restore the best weights"),
    (lambda: training(print), "callbacks must be dl.Callback objects in a list"),
    (lambda: training(dl.EarlyStopping), "callbacks must be dl.Callback objects in a list"),
    (lambda: dl.Training(dl.CrossEntropy(), dl.SGD(0.1), callbacks=dl.ProgressBar()),
     "callbacks must be dl.Callback objects in a list"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), CASES)
def test_impossible_settings(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        make()
    assert text in str(caught.value)


def fit(*callbacks: dl.Callback, validated: bool = False) -> None:
    net = dl.compile(dl.Sequential(dl.Dense(3)), dl.Input((None, 4)), backend="torch")
    data = np.zeros((8, 4)), np.zeros(8, np.int32)
    net.fit(training(*callbacks), data, data if validated else None)


def test_validation_that_is_watched_but_not_there() -> None:
    pytest.importorskip("torch")
    text = "EarlyStopping monitors 'val_loss', but there is no validation"
    with pytest.raises(DefinitionError, match=text):
        fit(dl.EarlyStopping())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"callbacks": [dl.EarlyStopping("val_f1", mode="max")]},
         "EarlyStopping monitors 'val_f1', which is an array of shape (3,). Monitor a score that is "
         'one number, such as dl.F1Score(average="macro")'),
        ({"callbacks": [dl.ReduceLROnPlateau("confusion_matrix", mode="max")]},
         "ReduceLROnPlateau monitors 'confusion_matrix', which is an array of shape (3, 3). Monitor"),
        ({"checkpoint": dl.Checkpoint("run", best="val_f1")}, "Checkpoint monitors 'val_f1', which is"),
    ],
)  # fmt: skip
def test_a_score_that_is_an_array_has_no_best(
    options: dict[str, Any], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    metrics = [dl.F1Score(average=None), dl.ConfusionMatrix()]
    net = dl.compile(dl.Sequential(dl.Dense(3)), dl.Input((None, 4)), backend="torch")
    data = np.zeros((8, 4)), np.zeros(8, np.int32)
    settings = dl.Training(dl.CrossEntropy(), dl.SGD(0.1), metrics=metrics, **options)
    with pytest.raises(DefinitionError) as caught:
        net.fit(settings, data, data)
    assert text in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_rate_that_is_a_constant() -> None:
    pytest.importorskip("torch")

    class Own(dl.Callback):
        def on_epoch_begin(self, run: dl.Run, epoch: int) -> None:
            run.rate_factor = 0.5

    with pytest.raises(DefinitionError, match="changes_rate = True"):
        fit(Own())
