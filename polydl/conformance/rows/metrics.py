"""Rows of metrics: those of one kind of targets share a row, and a training program."""

from __future__ import annotations

import numpy as np

from polydl import losses
from polydl.conformance import expectations_metrics as e
from polydl.conformance.row import MetricRow
from polydl.conformance.samplers import Array, Rng, Sampler, fixed, integers, normal
from polydl.metrics import (
    ROCAUC,
    Accuracy,
    ConfusionMatrix,
    F1Score,
    MeanAbsoluteError,
    MeanSquaredError,
    Perplexity,
    Precision,
    R2Score,
    Recall,
    RootMeanSquaredError,
    TopKAccuracy,
)

_TIED = [[1.0, 3.0, 3.0], [2.0, 2.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 2.0]]


def _zeros_and_ones(*shape: int) -> Sampler:
    return lambda rng: (rng.random(shape) < 0.4).astype(np.float64)


def _with_ignored(*shape: int, high: int, ignored: int) -> Sampler:
    """Labels, a third of them ignored, unevenly over samples."""

    def sample(rng: Rng) -> Array:
        labels = rng.integers(0, high, shape)
        labels[rng.random(shape) < np.linspace(0.0, 0.8, shape[0])[:, None]] = ignored
        return labels.astype(np.int32)

    return sample


def _halves(*shape: int) -> Sampler:
    """Few values: ties, and some at the threshold of 0."""
    return lambda rng: rng.integers(-3, 4, shape) / 2


METRIC_ROWS: tuple[MetricRow, ...] = (
    MetricRow(
        "metrics of classes",
        tuple(f"polydl:{n}@1" for n in
              "Accuracy TopKAccuracy Precision Recall F1Score ConfusionMatrix ROCAUC".split()),
        losses.CrossEntropy, normal(23, 4), integers(23, high=3),
        {
            "accuracy": (Accuracy, e.accuracy()),
            "second": (lambda: TopKAccuracy(2), e.top_k(2)),
            # class 3 is never true
            "precision": (Precision, e.counted("precision", e.one_against_rest())),
            "recall": (lambda: Recall("micro"), e.counted("recall", e.one_against_rest(), "micro")),
            "f1": (lambda: F1Score("weighted"),
                   e.counted("f1", e.one_against_rest(), "weighted")),
            "f1_each": (lambda: F1Score(None), e.counted("f1", e.one_against_rest(), None)),
            "matrix": (ConfusionMatrix, e.confusion(4)),
        },
    ),
    MetricRow(
        "metrics of tokens", ("polydl:Perplexity@1", "polydl:ROCAUC@1"),
        lambda: losses.CrossEntropy(ignore_index=-100), normal(7, 6, 3, stddev=2.0),
        _with_ignored(7, 6, high=3, ignored=-100),
        {
            "perplexity": (lambda: Perplexity(ignore_index=-100), e.perplexity(-100)),
            "accuracy": (lambda: Accuracy(ignore_index=-100), e.accuracy(-100)),
            "second": (lambda: TopKAccuracy(2, ignore_index=-100), e.top_k(2, -100)),
            "recall": (lambda: Recall(ignore_index=-100),
                       e.counted("recall", e.one_against_rest(-100))),
            "matrix": (lambda: ConfusionMatrix(ignore_index=-100),
                       e.confusion(3, lambda o, t: e.pairs(o, t, -100))),
            "area": (lambda: ROCAUC(ignore_index=-100), e.areas_against_rest(-100)),
        },
        batch_size=3,
    ),
    MetricRow(
        "metrics of labels", ("polydl:ROCAUC@1",), losses.BinaryCrossEntropy, _halves(23, 2),
        _zeros_and_ones(23, 2),
        {
            "accuracy": (lambda: Accuracy(threshold=0.0), e.binary_accuracy(0.0)),
            "precision": (lambda: Precision(threshold=0.0),
                          e.counted("precision", e.columns(0.0))),
            "f1": (lambda: F1Score("micro", threshold=0.5),
                   e.counted("f1", e.columns(0.5), "micro")),
            "matrix": (lambda: ConfusionMatrix(threshold=0.0), e.confusion(2, e.pooled(0.0))),
            "area": (ROCAUC, e.area),
        },
    ),
    MetricRow(
        "metrics of numbers",
        tuple(f"polydl:{n}@1" for n in
              "MeanSquaredError RootMeanSquaredError MeanAbsoluteError R2Score".split()),
        losses.MSE, normal(23, 2), normal(23, 2, mean=2.0),
        {
            "squared": (MeanSquaredError, e.squared),
            "root": (RootMeanSquaredError, lambda o, t: np.sqrt(e.squared(o, t))),
            "absolute": (MeanAbsoluteError, e.absolute),
            "r2": (R2Score, e.r2),
        },
    ),
    MetricRow(
        "metrics, ties", ("polydl:Accuracy@1", "polydl:TopKAccuracy@1"), losses.CrossEntropy,
        fixed(_TIED), fixed([2, 0, 0, 2], np.int32),
        {
            "accuracy": (Accuracy, e.accuracy()),
            "second": (lambda: TopKAccuracy(2), e.top_k(2)),
            "first": (lambda: TopKAccuracy(1), e.accuracy()),
            "perplexity": (Perplexity, e.perplexity()),
        },
        batch_size=3,
    ),
)  # fmt: skip
