"""Metrics over whole runs: uneven batches, several steps an execution, arrays, a user's own."""

from __future__ import annotations

import json

import numpy as np
import pytest

import polydl as dl

RNG = np.random.default_rng(0)
x, y = RNG.normal(size=(50, 4)), RNG.integers(0, 3, 50).astype(np.int32)


class Spread(dl.Metric):
    """A user's own: largest less smallest output of an epoch, in units of `unit`."""

    name = "spread"
    combine = "concatenate"

    def __init__(self, unit):
        self.unit = unit

    def __call__(self, outputs, targets):
        return dl.ops.stack([dl.ops.max(outputs), dl.ops.min(outputs)])[None]

    @staticmethod
    def result(values, unit):
        # of all batches
        return (values[:, 0].max() - values[:, 1].min()) / unit


class Total(dl.Metric):
    """A number that adds up."""

    name, combine = "total", "sum"

    def __call__(self, outputs, targets):
        return dl.ops.sum(targets)


METRICS = [
    dl.ROCAUC(), "accuracy", dl.F1Score(None), dl.ConfusionMatrix(), Spread(2.0), Total(),
    "perplexity",
]  # fmt: skip


def training(**options) -> dl.Training:
    return dl.Training(
        dl.CrossEntropy(), dl.SGD(0.0), batch_size=8, metrics=METRICS, epochs=2, **options
    )


def test_epochs_are_as_all_samples_at_once(backend: str) -> None:
    net = dl.compile(
        dl.Sequential(dl.Dense(3)), dl.Input((None, 4)), backend=backend, dtype="float64"
    )
    history = net.fit(training(), (x, y), validation=(x, y))
    outputs = net(x)
    whole = dl.Training(dl.CrossEntropy(), dl.SGD(0.0), batch_size=50, metrics=METRICS)
    expected = net.evaluate(whole, (x, y))
    assert list(expected) == [
        "loss", "roc_auc", "accuracy", "f1", "confusion_matrix", "spread", "total", "perplexity"
    ]  # fmt: skip
    assert expected["spread"] == pytest.approx((outputs.max() - outputs.min()) / 2)
    assert expected["total"] == y.sum()
    assert np.shape(expected["f1"]) == (3,)
    assert np.sum(expected["confusion_matrix"], axis=1).tolist() == np.bincount(y).tolist()
    for scores in history.epochs:
        for name, value in expected.items():
            np.testing.assert_allclose(scores[name], value, rtol=1e-12, err_msg=name)
            np.testing.assert_allclose(scores[f"val_{name}"], value, rtol=1e-12, err_msg=name)
    assert json.loads(json.dumps(history.epochs)) == history.epochs
    assert type(history.epochs[0]["confusion_matrix"][0][0]) is int


def test_parts_of_a_batch_add_up(backend: str) -> None:
    """Batches of 8 in parts of 3, 3 and 2; the last, of 2, in one."""
    net = dl.compile(
        dl.Sequential(dl.Dense(3)), dl.Input((None, 4)), backend=backend, dtype="float64"
    )
    scores = net.fit(training(accumulate=3), (x, y)).epochs[-1]
    for name, value in net.evaluate(training(), (x, y)).items():
        np.testing.assert_allclose(scores[name], value, rtol=1e-12, err_msg=name)
    settings = dl.Training(
        dl.CrossEntropy(), dl.SGD(0.0), batch_size=8, accumulate=3, metrics=["accuracy", "f1"]
    )
    again = net.fit(settings, (x, y)).epochs[-1]
    assert again["accuracy"] == pytest.approx(scores["accuracy"], rel=1e-12)
    assert again["f1"] == pytest.approx(np.mean(scores["f1"]), rel=1e-12)


def test_progress_and_other_metrics_on_the_way(backend: str) -> None:
    """A second fit with gathered scores, after one without, and the progress bar."""
    net = dl.compile(dl.Sequential(dl.Dense(3)), dl.Input((None, 4)), backend=backend)
    net.fit(dl.Training(dl.CrossEntropy(), dl.SGD(0.1), batch_size=8), (x, y))
    seen = net.fit(training(), (x, y), progress=True, after_epoch=lambda epoch, scores: None)
    assert len(seen.epochs) == 2
