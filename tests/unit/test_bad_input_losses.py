"""Impossible losses and targets are refused, with what, where and what instead."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DataError, DefinitionError, DTypeError, ShapeError

SETTINGS = [
    (lambda: dl.MSE(reduction="men"), "no reduction 'men'. Did you mean 'mean'"),
    (lambda: dl.Huber(0.0), "delta must be above 0"),
    (lambda: dl.CrossEntropy("one_hot"), "there is no targets 'one_hot'"),
    (lambda: dl.CrossEntropy(label_smoothing=1.0), r"label_smoothing must be in \[0, 1\)"),
    (
        lambda: dl.CrossEntropy(class_weights=(1.0, -1.0)),
        "class_weights must be numbers of 0 or more",
    ),
    (lambda: dl.CrossEntropy("probabilities", ignore_index=0), "ignore_index is for labels"),
    (lambda: dl.BinaryCrossEntropy(0.0), "positive_weight must be above 0"),
    (lambda: dl.Focal((0.5, 0.5)), "alpha is one number for binary targets"),
    (lambda: dl.Focal(gamma=-1.0), "gamma must be 0 or more"),
    (lambda: dl.Dice(activation="tanh"), "there is no activation 'tanh'"),
    (lambda: dl.TripletMargin(p=0.5), "p must be 1 or more"),
    (lambda: dl.Contrastive(0.0), "temperature must be above 0"),
    (lambda: dl.CTC(-1), "blank must be 0 or more"),
    (lambda: dl.CTC(padding=3), "padding must be negative, or blank"),
]


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


LABELS, STEPS = dl.Input((None, 2), "int"), dl.Input((None, 4, 3))
CALLS = [
    (lambda: dl.CrossEntropy(), (dl.Input((None, 3)), dl.Input((None, 3))), DTypeError, "int"),
    (lambda: dl.CrossEntropy(), (dl.Input((None, 3)), LABELS), ShapeError, "targets have the shape"),
    (
        lambda: dl.CrossEntropy(class_weights=(1.0, 2.0)),
        (dl.Input((None, 3)), dl.Input((None,), "int")), ShapeError, "2 class_weights for 3 classes",
    ),
    (lambda: dl.MSE(), (STEPS, dl.Input((None, 4))), ShapeError, "targets have the shape"),
    (lambda: dl.MSE(), (STEPS, STEPS, dl.Input((None, 3))), ShapeError, "weights have the shape"),
    (lambda: dl.TripletMargin(), (dl.Input((None, 2, 4)),), ShapeError, "anchor positive"),
    (lambda: dl.CTC(), (dl.Input((None, 3)), LABELS), ShapeError, "must be .batch, time, classes"),
    (lambda: dl.CTC(3), (STEPS, LABELS), ShapeError, "blank is 3, but there are 3 classes"),
]  # fmt: skip


class Lost(dl.Module):
    def __init__(self, loss):
        self.loss = loss

    def __call__(self, outputs, targets=None, weights=None):
        return self.loss(outputs, targets, weights)


@pytest.mark.parametrize(("make", "given", "error", "text"), CALLS)
def test_impossible_shapes(make, given, error, text):
    inputs = dict(zip(("outputs", "targets", "weights"), given, strict=False))
    with pytest.raises(error, match=text) as caught:
        dl.trace(Lost(make()), inputs)
    assert "loss" in str(caught.value)


TARGETS = [
    (dl.CrossEntropy(), [0, 3], (2, 3), "labels run from 0 to 3, but the model has 3 outputs"),
    (dl.CrossEntropy("probabilities"), [[0.5, 0.6]], (1, 2), "must sum to 1"),
    (dl.BinaryCrossEntropy(), [[0.0, 2.0]], (1, 2), "must be from 0 to 1"),
    (dl.Hinge(), [[0.0, 1.0]], (1, 2), "targets must be -1 and 1, got 0"),
    (dl.CTC(), [[-1, 1]], (1, 4, 3), "labels stand before the padding"),
    (dl.CTC(), [[1, 0]], (1, 4, 3), "hold 0, but labels are from 0 to 2 and not the blank 0"),
    (dl.CTC(), [[1, 1, 2]], (1, 3, 3), "3 labels, which need 4 steps"),
]


@pytest.mark.parametrize(("loss", "targets", "shape", "text"), TARGETS)
def test_impossible_targets(loss, targets, shape, text):
    with pytest.raises(DataError, match=text):
        loss.check_targets(np.array(targets), shape)


X, ONE_HOT = np.ones((4, 3), np.float32), np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
SOFT = dl.CrossEntropy("probabilities")
KINDS = [
    (dl.CrossEntropy(), ONE_HOT, {}, DTypeError, r'one-hot or soft, .*CrossEntropy\("probabilities"'),
    (dl.CrossEntropy(), ONE_HOT.astype(int), {}, DTypeError, r'as floats, .*"probabilities"'),
    (dl.CrossEntropy(), np.ones(4), {}, DTypeError, r"Convert with .astype\(np.int32\)"),
    (SOFT, np.arange(4) % 3, {}, DTypeError, r"integer labels take dl.CrossEntropy\(\)"),
    (SOFT, np.arange(4) % 3, {"augment": [dl.Mixup()]}, DTypeError, r"dl.Mixup\(classes=...\)"),
    (dl.MSE(), (ONE_HOT, X, np.ones((4, 2))), {}, ShapeError, r"there is one for each element: \(4, 3"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "given", "options", "error", "text"), KINDS)
def test_what_takes_such_targets_is_said(loss, given, options, error, text):
    pytest.importorskip("torch")
    data = (X, given) if not isinstance(given, tuple) else given
    net = dl.compile(dl.Dense(3), dl.Input((None, 3)), backend="torch")
    with pytest.raises(error, match=text) as caught:
        net.fit(dl.Training(loss, dl.SGD(0.1), **options), data)
    assert str(caught.value).startswith("data: ")
