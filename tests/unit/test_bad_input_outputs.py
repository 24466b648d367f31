"""Losses, metrics and targets that do not fit several outputs are refused, before training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DataError, DefinitionError, ShapeError
from polydl.program.types import Program
from polydl.training.arrays import training_arrays, weighted

X, LABELS, BOXES = np.zeros((6, 5)), np.arange(6) % 3, np.zeros((6, 4))
TARGETS = {"digit": LABELS, "box": BOXES}
LOSSES = {"digit": dl.CrossEntropy(), "box": dl.MSE()}
PAIR = (dl.CrossEntropy(), None, dl.MSE())


class Heads(dl.Module):
    def __init__(self, form: str) -> None:
        self.digit, self.box, self.form = dl.Dense(3), dl.Dense(4), form

    def __call__(self, x: Any) -> Any:
        digit, box = self.digit(x), self.box(x)
        if self.form == "nested":
            return {"heads": (digit, box)}
        if self.form == "one":
            return digit
        return {"digit": digit, "box": box} if self.form == "dict" else (digit, x, box)


PROGRAMS: dict[str, Program] = {
    form: dl.trace(Heads(form), dl.Input((None, 5))) for form in ("one", "dict", "tuple", "nested")
}


def training(loss: Any = LOSSES, **options: Any) -> dl.Training:
    return dl.Training(loss, dl.SGD(0.1), **options)


SETTINGS: list[tuple[Callable[[], Any], str]] = [
    (lambda: training({}), "loss must have a dl.Loss for at least one output"),
    (lambda: training((None, None)), "loss must have a dl.Loss for at least one output"),
    (lambda: training({"digit": "mse"}), "loss must be a dl.Loss.*Did you mean 'MSE'"),
    (lambda: training({0: dl.MSE()}), "outputs in a dict have names of letters.*got 0"),
    (lambda: training({'a"b': dl.MSE()}), "outputs in a dict have names of letters"),
    (lambda: training({"a-b": dl.MSE(), "a_b": dl.MSE()}), "'a-b' and 'a_b' would both have 'a_b_"),
    (lambda: training(metrics=["accuracy"]), "say of which output these metrics are"),
    (lambda: training(metrics={"digits": ["accuracy"]}), "metrics for 'digits'.*mean 'digit'"),
    (lambda: training(metrics={"digit": "accuracy"}), "metrics must be dl.Metric objects"),
    (lambda: training(PAIR, metrics=(["accuracy"],)), "there are 3 outputs; give metrics for each"),
    (lambda: training(PAIR, metrics=([], ["mse"], [])), "metrics for output 1, which has no loss"),
    (lambda: training(loss_weights={"boxes": 2.0}), "loss_weights for 'boxes'.*mean 'box'"),
    (lambda: training(loss_weights={"box": "2"}), "loss_weights must be finite numbers, got '2'"),
    (
        lambda: training(dl.MSE(), loss_weights=2.0),
        "loss_weights are for a loss for each of several",
    ),
    (
        lambda: training(weights="element"),
        "weights of several outputs are of each 'sample', or said",
    ),
    (lambda: training(augment=[dl.RandomFlip(masks=True)]), "RandomFlip changes targets"),
    (lambda: training(callbacks=[dl.EarlyStopping("digit_los")]), "mean 'digit_loss'"),
]


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(DefinitionError, match=text):
        make()


PAIRED = (LABELS, BOXES)
FITS: list[tuple[str, Any, Any, type, str]] = [
    ("dict", dl.MSE(), (X, BOXES), ShapeError,
     r"gives a dict of the outputs 'digit', 'box'. Say which .*loss=\{\"digit\": ..., \"box\": ...\}"),
    ("tuple", dl.MSE(), (X, BOXES), ShapeError, r"a tuple of 3 outputs.*loss=\(..., ..., ...\)"),
    ("one", LOSSES, (X, TARGETS), ShapeError, "gives one output, and not several"),
    ("tuple", LOSSES, (X, TARGETS), ShapeError, "Give their losses in a tuple"),
    ("dict", PAIR, (X, PAIRED), ShapeError, "Give their losses in a dict"),
    ("tuple", PAIR[:1], (X, (LABELS,)), ShapeError, "there are 1 losses. Give one for each, None"),
    ("dict", {"digits": dl.MSE()}, (X, {}), ShapeError, "Did you mean 'digit'"),
    ("nested", {"heads": dl.MSE()}, (X, {}), ShapeError, "are nested deeper"),
    ("dict", LOSSES, (X, LABELS), DataError, "targets must be a dict, an array for each of.*ndarray"),
    ("dict", LOSSES, (X, None), DataError, "targets must be a dict.*NoneType"),
    ("dict", LOSSES, (X, {"digit": LABELS}), DataError, r"targets\['box'\] are missing"),
    ("dict", LOSSES, (X, {**TARGETS, "boxes": BOXES}), DataError, "targets for 'boxes', an output"),
    ("dict", LOSSES, (X, {**TARGETS, "box": BOXES[:, :3]}), ShapeError,
     r"targets\['box'\] have the shape \(6, 3\); MSE of outputs of shape \(6, 4\) takes \(6, 4\)"),
    ("dict", LOSSES, (X, {**TARGETS, "digit": LABELS + 3}), DataError,
     r"targets\['digit'\]: CrossEntropy: labels run from 3 to 5"),
    ("dict", LOSSES, (X, {**TARGETS, "box": BOXES * np.nan}), DataError, r"targets\['box'\] holds nan"),
    ("tuple", PAIR, (X, LABELS), DataError, "targets must be a tuple, an array for each output"),
    ("tuple", PAIR, (X, (LABELS,)), DataError, "targets are 1 arrays; there are 2 outputs with a loss"),
    ("dict", LOSSES, (X, TARGETS, {"boxes": X[:, 0]}), DefinitionError, "weights for 'boxes'"),
    ("dict", LOSSES, (X, TARGETS, {"box": X[:, 0] - 1}), DataError, r"weights\['box'\] hold -1.0"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "loss", "data", "error", "text"), FITS)
def test_impossible_data(form: str, loss: Any, data: Any, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        training_arrays(PROGRAMS[form], weighted(training(loss), data), "float64", data, "data")


def test_targets_of_a_tuple_with_and_without_none() -> None:
    for targets in (PAIRED, (LABELS, None, BOXES)):
        _, given = training_arrays(
            PROGRAMS["tuple"], training(PAIR), "float64", (X, targets), "data"
        )
        assert [x.shape for x in given] == [(6,), (6, 4)]


@pytest.mark.parametrize("settings", [
    {"loss": {"val": dl.MSE(), "box": dl.MSE()}},
    {"loss": {"box": dl.MSE(), "val_box": dl.MSE()}},
    {"loss": dl.MSE(), "metrics": [dl.MeanAbsoluteError(name="val_loss")]},
])  # fmt: skip
def test_a_score_may_not_have_the_name_of_a_validation_score(settings: dict) -> None:
    with pytest.raises(DefinitionError, match=r"'val_.*' would be both"):
        dl.Training(optimizer=dl.SGD(0.1), **settings)
