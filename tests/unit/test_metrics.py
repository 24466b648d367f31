"""Metrics streamed over uneven batches, by the oracle, against scikit-learn on all samples."""

from __future__ import annotations

import json

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DefinitionError, DTypeError, ShapeError
from polydl.reference import Interpreter

sklearn = pytest.importorskip("sklearn.metrics")
RNG = np.random.default_rng(0)
OUTPUTS, LABELS = RNG.normal(size=(101, 4)), RNG.integers(0, 4, 101).astype(np.int32)
TIED = np.round(OUTPUTS[:, 0], 0)
HITS = (RNG.random(101) < 0.3).astype(float)
GIVEN = OUTPUTS.argmax(1)
SHARES = np.exp(OUTPUTS) / np.exp(OUTPUTS).sum(1, keepdims=True)
FAR = 2000.0 + 10 * OUTPUTS


class Contribution(dl.Module):
    def __init__(self, metric):
        self.metric = metric

    def __call__(self, outputs, targets):
        return self.metric(outputs, targets)


def streamed(metric, outputs, targets, sizes=(40, 40, 20, 1), floats=np.float64):
    inputs = tuple(
        dl.Input((None, *array.shape[1:]), "int" if array.dtype.kind == "i" else "float")
        for array in (outputs, targets)
    )
    interpreter = Interpreter(dl.trace(Contribution(metric), inputs))
    found, start = [], 0
    for size in sizes:
        arrays = [outputs[start : start + size], targets[start : start + size]]
        found.append(interpreter.run({}, arrays)[0][0].astype(floats))
        start += size
    assert start == len(outputs)
    return metric.score(found, sizes)


CASES = [
    (dl.Accuracy(), OUTPUTS, LABELS, sklearn.accuracy_score(LABELS, GIVEN)),
    (dl.Accuracy(threshold=0.5), TIED, HITS, sklearn.accuracy_score(HITS, TIED > 0.5)),
    (dl.TopKAccuracy(2), OUTPUTS, LABELS, sklearn.top_k_accuracy_score(LABELS, OUTPUTS, k=2)),
    (dl.Precision(), OUTPUTS, LABELS, sklearn.precision_score(LABELS, GIVEN, average="macro")),
    (
        dl.Precision(threshold=0.0), TIED[:, None], HITS[:, None],
        sklearn.precision_score(HITS, TIED > 0),
    ),
    (dl.Recall(threshold=0.0), TIED, HITS, sklearn.recall_score(HITS, TIED > 0)),
    (
        dl.Recall("weighted"), OUTPUTS, LABELS,
        sklearn.recall_score(LABELS, GIVEN, average="weighted"),
    ),
    (dl.F1Score(), OUTPUTS, LABELS, sklearn.f1_score(LABELS, GIVEN, average="macro")),
    (dl.F1Score("micro"), OUTPUTS, LABELS, sklearn.f1_score(LABELS, GIVEN, average="micro")),
    (dl.F1Score(None), OUTPUTS, LABELS, sklearn.f1_score(LABELS, GIVEN, average=None)),
    (dl.F1Score(threshold=0.0), TIED, HITS, sklearn.f1_score(HITS, TIED > 0)),
    (
        dl.F1Score("weighted", threshold=0.0), OUTPUTS, np.eye(4)[LABELS],
        sklearn.f1_score(np.eye(4)[LABELS], OUTPUTS > 0, average="weighted"),
    ),
    (dl.ConfusionMatrix(), OUTPUTS, LABELS, sklearn.confusion_matrix(LABELS, GIVEN)),
    (
        dl.ConfusionMatrix(threshold=0.0), TIED, HITS,
        sklearn.confusion_matrix(HITS, TIED > 0),
    ),
    (dl.ROCAUC(), TIED, HITS, sklearn.roc_auc_score(HITS, TIED)),
    (
        dl.ROCAUC(), OUTPUTS, np.eye(4)[LABELS],
        sklearn.roc_auc_score(np.eye(4)[LABELS], OUTPUTS, average="macro"),
    ),
    (dl.ROCAUC(), OUTPUTS, LABELS, sklearn.roc_auc_score(LABELS, SHARES, multi_class="ovr")),
    (
        dl.ROCAUC(), OUTPUTS[:, :2], (LABELS > 1).astype(np.int32),
        sklearn.roc_auc_score(LABELS > 1, OUTPUTS[:, 1] - OUTPUTS[:, 0]),
    ),
    (dl.Perplexity(), OUTPUTS, LABELS, np.exp(sklearn.log_loss(LABELS, SHARES))),
    (dl.MeanSquaredError(), OUTPUTS, FAR, sklearn.mean_squared_error(FAR, OUTPUTS)),
    (dl.RootMeanSquaredError(), OUTPUTS, FAR, sklearn.mean_squared_error(FAR, OUTPUTS) ** 0.5),
    (dl.MeanAbsoluteError(), OUTPUTS, FAR, sklearn.mean_absolute_error(FAR, OUTPUTS)),
    (dl.R2Score(), OUTPUTS, SHARES, sklearn.r2_score(SHARES, OUTPUTS)),
    (dl.R2Score(), TIED, HITS, sklearn.r2_score(HITS, TIED)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "outputs", "targets", "expected"), CASES,
    ids=[f"{type(case[0]).__name__}-{number}" for number, case in enumerate(CASES)],
)  # fmt: skip
def test_streamed_over_uneven_batches(metric, outputs, targets, expected):
    np.testing.assert_allclose(streamed(metric, outputs, targets), expected, rtol=1e-12)


def test_targets_far_from_zero_lose_nothing_of_r2_in_float32():
    given = FAR + RNG.normal(size=FAR.shape)
    found = streamed(dl.R2Score(), given, FAR, floats=np.float32)
    assert found == pytest.approx(sklearn.r2_score(FAR, given), abs=1e-6)


def test_soft_labels_count_by_their_largest():
    soft = np.eye(4)[LABELS] * 0.6 + 0.1
    assert streamed(dl.Accuracy(), OUTPUTS, soft) == streamed(dl.Accuracy(), OUTPUTS, LABELS)


def test_what_is_undefined():
    nothing = np.zeros(101)
    assert np.isnan(streamed(dl.ROCAUC(), TIED, nothing))
    assert streamed(dl.Precision(threshold=99.0), TIED, HITS) == 0
    assert streamed(dl.R2Score(), TIED, nothing) == 0
    assert streamed(dl.R2Score(), nothing, nothing) == 1
    ignored = np.full(101, -100, np.int32)
    assert streamed(dl.Accuracy(ignore_index=-100), OUTPUTS, ignored) == 0
    assert streamed(dl.Perplexity(ignore_index=-100), OUTPUTS, ignored) == 1


def test_an_ignored_label_that_is_a_class():
    kept = LABELS != 0
    options = {"labels": range(4), "average": "macro"}
    expected = sklearn.f1_score(LABELS[kept], GIVEN[kept], **options)
    assert streamed(dl.F1Score(ignore_index=0), OUTPUTS, LABELS) == pytest.approx(expected)


# --- names --------------------------------------------------------------------------------------


def training(loss, metrics):
    return dl.Training(loss, dl.SGD(0.1), metrics=metrics)


def test_names_follow_the_loss():
    names = ["accuracy", "F1Score", "roc_auc"]
    accuracy, f1, _ = training(dl.BinaryCrossEntropy(), names).metrics
    assert accuracy.threshold == f1.threshold == 0.0
    accuracy, f1, area = training(dl.CrossEntropy(ignore_index=-1), names).metrics
    assert accuracy.threshold is None
    assert accuracy.ignore_index == f1.ignore_index == -1
    assert area.ignore_index == -1
    again = dl.Training.from_json(training(dl.CrossEntropy(), names).to_json())
    assert [metric.name for metric in again.metrics] == ["accuracy", "f1", "roc_auc"]


def test_names_of_metrics_are_not_those_of_losses():
    assert not set(dl.metrics.__all__) & set(dl.losses.__all__)


class Plain(dl.Metric):
    def __call__(self, outputs, targets):
        return dl.ops.sum(outputs, 0)


class Bound(Plain):
    combine = "sum"

    def result(self, total):
        return total


class Elsewhere(Plain):
    combine = "sum"

    @staticmethod
    def result(total):
        return json.dumps(total)


class Unset(Plain):
    combine = "sum"

    @staticmethod
    def result(total, beta):
        return total * beta


class Shortened(Plain):
    combine = "sum"
    result = staticmethod(lambda total: total)


BAD = [
    (dl.CrossEntropy, ["acuracy"], DefinitionError, "no metric 'acuracy'. Did you mean 'accuracy'"),
    (dl.CrossEntropy, "accuracy", DefinitionError, "or their names, in a list"),
    (dl.BinaryCrossEntropy, ["perplexity"], ShapeError, r"outputs of shape \(batch, 4\)"),
    (dl.MSE, ["perplexity"], ShapeError, r"float targets of shape \(batch, 4\)"),
    (dl.CrossEntropy, ["mse"], ShapeError, r"int targets of shape \(batch\,\)"),
    (dl.CrossEntropy, [Plain()], ShapeError, "combine='mean' takes one number"),
    (dl.CrossEntropy, [Bound()], DefinitionError, "put @staticmethod above it"),
    (dl.CrossEntropy, [Elsewhere()], DefinitionError, "uses 'json'. Its text stands alone"),
    (dl.CrossEntropy, [Unset()], DefinitionError, "takes 'beta', which Unset has not"),
    (dl.CrossEntropy, [Shortened()], DefinitionError, "Write it with def"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "metrics", "error", "text"), BAD)
def test_impossible_metrics(loss, metrics, error, text):
    net = dl.compile(dl.Sequential(dl.Dense(4)), dl.Input((None, 3)), backend="torch")
    with pytest.raises(error, match=text):
        net.emit_training(training(loss(), metrics))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: dl.Training("cross_entropi", dl.SGD(0.1)), "Did you mean 'CrossEntropy'"),
        (lambda: dl.Training(dl.MSE(), "adam"), "Did you mean 'Adam'"),
        (lambda: dl.F1Score("makro"), "no average 'makro'. Did you mean 'macro'"),
        (lambda: dl.TopKAccuracy(0), "k must be positive"),
        (lambda: dl.Accuracy(threshold=float("inf")), "threshold must be finite"),
        (lambda: dl.Recall(threshold=0.5, ignore_index=1), "ignore_index is for labels of classes"),
    ],
)
def test_impossible_settings(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


def test_one_output_a_label_needs_a_threshold():
    with pytest.raises(ShapeError, match=r"give threshold=0\.0 for logits"):
        streamed(dl.Accuracy(), OUTPUTS[:, :1], HITS[:, None])
    with pytest.raises(DTypeError, match="takes float outputs"):
        streamed(dl.Accuracy(), LABELS[:, None], LABELS)
