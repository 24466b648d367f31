"""dl.overfit_one_batch: what it concludes from runs whose end is known."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl.diagnostics.overfit import lowest_loss
from polydl.errors import DataError, DefinitionError

pytest.importorskip("torch")
RNG = np.random.default_rng(0)
x = RNG.normal(size=(16, 4))
labels = RNG.integers(0, 3, 16).astype(np.int32)
X = dl.Input((None, 4))


def net(*layers, backend="torch", **options):
    made = layers or (dl.Dense(32), dl.tanh, dl.Dense(3))
    return dl.compile(dl.Sequential(*made), X, backend=backend, **options)


def training(loss=None, optimizer=None, **options):
    return dl.Training(loss or dl.CrossEntropy(), optimizer or dl.Adam(3e-2), **options)


def test_a_model_that_can_learn_a_batch_does(backend):
    one = net(backend=backend)
    before = one.weights
    report = dl.overfit_one_batch(one, training(), (x, labels))
    assert report.ok
    assert report.verdict == "overfits"
    assert report.reached >= 0.99
    assert len(report.losses) < 200  # it stops when that is reached
    assert report.scores["accuracy"] == 1.0
    assert report.lowest < 1e-3
    assert str(report).startswith("overfits: from ")
    for path, value in one.weights.items():
        np.testing.assert_array_equal(value, before[path])


def test_the_run_is_that_of_fit():
    report = dl.overfit_one_batch(net(dtype="float64"), training(), (x, labels), steps=30)
    same = training(batch_size=16, epochs=30, shuffle=False)
    expected = net(dtype="float64").fit(same, (x, labels)).steps
    np.testing.assert_array_equal(report.losses, expected[: len(report.losses)])
    assert len(report.losses) == 30


def test_labels_that_an_augmentation_mixes_are_learnt_as_they_are():
    mixing = training(dl.CrossEntropy("probabilities"), augment=[dl.Mixup(0.2, classes=3)])
    report = dl.overfit_one_batch(net(), mixing, (x, labels))
    one_hot = (labels[:, None] == np.arange(3)).astype(np.float32)
    expected = dl.overfit_one_batch(net(), training(mixing.loss), (x, one_hot))
    np.testing.assert_array_equal(report.losses, expected.losses)


def test_the_lowest_loss_is_known_where_it_is_not_zero():
    smooth = dl.CrossEntropy(label_smoothing=0.3)
    p = np.array([0.8, 0.1, 0.1])
    entropy = -np.sum(p * np.log(p))
    data = ([x.astype("float32")], (labels,))
    assert lowest_loss(net(), training(smooth), data) == pytest.approx(entropy, rel=1e-3)
    report = dl.overfit_one_batch(net(), training(smooth), (x, labels))
    assert report.ok
    assert report.losses.min() > 0.9 * entropy


def test_targets_of_any_scale_have_a_lowest_loss():
    targets = 1e4 + 1e3 * RNG.normal(size=(16, 3)).astype("float32")
    data = ([x.astype("float32")], (targets,))
    assert lowest_loss(net(), training(dl.MSE()), data) < 1e-4 * np.mean(targets**2)


def test_a_rate_of_nothing_is_stuck():
    report = dl.overfit_one_batch(net(), training(optimizer=dl.SGD(1e-6)), (x, labels), steps=20)
    assert (report.verdict, report.ok) == ("stuck", False)
    assert "dl.find_lr" in report.advice


def test_a_loss_that_rises_and_stays_finite_diverges():
    """A step so large that relu units die and the rest is far off, with a finite loss."""
    report = dl.overfit_one_batch(net(), training(optimizer=dl.SGD(1e20)), (x, labels), steps=20)
    assert np.isfinite(report.losses).all()
    assert report.verdict == "diverged"


def test_a_run_cut_short_is_falling():
    report = dl.overfit_one_batch(net(), training(optimizer=dl.Adam(1e-2)), (x, labels), steps=25)
    assert report.verdict == "falling"


def test_contradicting_targets_are_a_floor_and_are_counted():
    twice = np.concatenate([x, x])
    both = np.concatenate([labels, (labels + 1) % 3])
    report = dl.overfit_one_batch(net(), training(), (twice, both))
    assert report.verdict == "floor"
    assert report.contradictions == 16
    assert report.losses.min() == pytest.approx(np.log(2), rel=0.1)
    assert "16 samples have the inputs of another and other targets" in report.advice


def test_a_rate_too_large_diverges():
    targets = RNG.normal(size=(16, 3))
    run = training(dl.MSE(), dl.SGD(1e3))
    report = dl.overfit_one_batch(net(dl.Dense(3)), run, (x, targets))
    assert report.verdict == "diverged"
    assert "Lower the learning rate" in str(report)


def test_callbacks_and_checkpoints_are_left_alone(tmp_path):
    class Loud(dl.Callback):
        def on_train_begin(self, run):
            raise AssertionError

    settings = training(callbacks=[Loud()], checkpoint=dl.Checkpoint(tmp_path))
    dl.overfit_one_batch(net(), settings, (x, labels), steps=2)
    dl.check_gradients(net(), settings, (x, labels))
    dl.find_lr(net(), settings, (x, labels), steps=20)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_run():
    with pytest.raises(DefinitionError, match="steps must be 1 or more, got 0"):
        dl.overfit_one_batch(net(), training(), (x, labels), steps=0)
    with pytest.raises(DataError, match="batch: expected"):
        dl.overfit_one_batch(net(), training(), x)
