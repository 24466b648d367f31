"""Checks of metrics: streamed over batches of uneven size, against formulas of all samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from polydl.compile import compile
from polydl.conformance.checks import has_precision, in_units, scaled_error, worst
from polydl.conformance.checks_scores import KERNEL, identity, opened
from polydl.conformance.memo import NETS, ORACLE, memoized
from polydl.conformance.nets import Target
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import Array, MetricRow
from polydl.conformance.samplers import generator
from polydl.conformance.tolerances import SCALE, bound
from polydl.layers.dense import Dense
from polydl.metrics.metric import Metric
from polydl.optimizers.sgd import SGD
from polydl.precision import floats_rounded
from polydl.program.structure import flatten_as
from polydl.program.types import Program
from polydl.reference import Interpreter
from polydl.spec.module import Module, Sequential
from polydl.spec.tensor import Tensor
from polydl.spec.tracing import trace
from polydl.training.settings import Training

Scores = dict[str, Any]


class Contributions(Module):
    """What a batch contributes to each metric, as a model."""

    def __init__(self, metrics: dict[str, Metric]):
        self.metrics = metrics

    def __call__(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return {name: metric(outputs, targets) for name, metric in self.metrics.items()}


def _arrays(row: MetricRow) -> tuple[Array, Array]:
    rng = generator(row.name, row.seed)
    return row.outputs(rng), row.targets(rng)


def contributing_program(row: MetricRow) -> Program:
    """All metrics of a row as one Program."""
    outputs, targets = _arrays(row)
    return trace(Contributions(row.made()), (opened(outputs), opened(targets)))


@memoized(ORACLE)
def _interpreter(row: MetricRow) -> Interpreter:
    return Interpreter(contributing_program(row))


def streamed(row: MetricRow, outputs: Array, targets: Array) -> Scores:
    """Scores of batches, each by the oracle."""
    found, sizes = [], []
    for start in range(0, len(outputs), row.batch_size):
        batch = slice(start, start + row.batch_size)
        found.append(_interpreter(row).run({}, [outputs[batch], targets[batch]])[0])
        sizes.append(len(outputs[batch]))
    metrics = row.made()
    return {
        name: metrics[name].score([batch[i] for batch in found], sizes)
        for i, name in enumerate(metrics)
    }


def formula(row: MetricRow) -> Outcome:
    """The oracle's scores over batches against formulas of all samples."""
    outputs, targets = _arrays(row)
    expected = {name: of(outputs, targets) for name, (_, of) in row.metrics.items()}
    error, name = _worst(streamed(row, outputs, targets), expected)
    limit = bound("oracle", "float64")
    return Outcome("oracle", row.name, "the oracle", error, limit, SCALE, name)


def training_of(row: MetricRow) -> Training:
    """The training program that a row is about: it leaves the weights as they are."""
    metrics = tuple(row.made().values())
    return Training(row.loss(), SGD(0.0), row.batch_size, metrics=metrics)


@memoized(NETS)
def _found(row: MetricRow, target: Target) -> tuple[Array, Array, Scores, Scores]:
    """Inputs, targets, and the scores of an evaluation and of an epoch of training.

    The model is a Dense layer with the identity as its kernel, so that outputs are inputs.
    """
    x, targets = _arrays(row)
    x = x.astype(target.dtype)
    targets = targets if targets.dtype.kind == "i" else targets.astype(target.dtype)
    net = compile(
        Sequential(Dense(x.shape[-1])), opened(x), backend=target.backend, dtype=target.dtype,
        device=target.device, natives=target.natives,
    )  # fmt: skip
    net.load_weights(identity(x))
    training = training_of(row)
    trained = net.fit(training, (x, targets)).epochs[0]
    assert np.array_equal(net.weights[KERNEL], np.eye(x.shape[-1]))
    return x, targets, net.evaluate(training, (x, targets)), trained


def scores(row: MetricRow, target: Target) -> Outcome:
    """Scores in evaluation and in training, over batches, against the oracle's of all samples."""
    x, targets, evaluated, trained = _found(row, target)
    wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in (x, targets)]
    expected = streamed(row, *wide)
    error, name = max(
        (_worst(found, expected, f"{mode} ") for mode, found in
         (("evaluated", evaluated), ("trained", trained))),
    )  # fmt: skip
    error, unit = in_units(error, target.dtype)
    limit = bound("score", target.dtype, row.name)
    return Outcome("score", row.name, str(target), error, limit, unit, name)


def contributions(row: MetricRow, target: Target) -> Outcome:
    """What a batch contributes, as a model gives it: in precisions that nothing is trained in."""
    net = compile(
        contributing_program(row), backend=target.backend, dtype=target.dtype,
        device=target.device, natives=target.natives,
    )  # fmt: skip
    given = floats_rounded(dict(enumerate(_arrays(row))), target.dtype)
    arrays = (given[0], given[1])
    expected, _ = _interpreter(row).run({}, list(arrays))
    found = flatten_as(net.program.outputs, net(arrays), row.name)
    errors = {
        name: scaled_error(y, e, target.dtype) if has_precision(y, target.dtype) else float("inf")
        for name, y, e in zip(row.metrics, found, expected, strict=True)
    }
    error, name = worst(errors)
    error, unit = in_units(error, target.dtype)
    limit = bound("score", target.dtype, row.name)
    return Outcome("score", row.name, str(target), error, limit, unit, name)


def _worst(found: Scores, expected: Scores, before: str = "") -> tuple[float, str]:
    errors = {
        before + name: scaled_error(np.asarray(found[name], float), np.asarray(e, float))
        for name, e in expected.items()
    }
    return worst(errors)
