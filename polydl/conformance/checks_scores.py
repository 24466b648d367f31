"""Checks of losses, as the emitted training programs compute them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from polydl.compile import compile
from polydl.conformance.checks import has_precision, in_units, scaled_error, worst
from polydl.conformance.memo import NETS, ORACLE, memoized
from polydl.conformance.nets import Target
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import Array, ScoreRow
from polydl.conformance.samplers import generator
from polydl.conformance.tolerances import SCALE, bound
from polydl.layers.dense import Dense
from polydl.net import Net
from polydl.optimizers.sgd import SGD
from polydl.precision import floats_rounded
from polydl.program.types import Program
from polydl.reference import Interpreter
from polydl.reference.gradients import check_direction
from polydl.spec.input import Input
from polydl.spec.module import Module, Sequential
from polydl.spec.tensor import Tensor
from polydl.spec.tracing import trace
from polydl.training.settings import Training

KERNEL, BIAS = "0.kernel", "0.bias"


class Scored(Module):
    """A loss as a model of its own, for the oracle."""

    def __init__(self, score: Any):
        self.score = score

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.score(outputs, targets)


def _arrays(row: ScoreRow) -> tuple[Array, Array]:
    rng = generator(row.name, row.seed)
    return row.outputs(rng), row.targets(rng)


def opened(array: Array) -> Input:
    """An Input of such arrays, with any number of samples."""
    return Input((None, *array.shape[1:]), "float" if array.dtype.kind == "f" else "int")


@memoized(ORACLE)
def _scorer(row: ScoreRow) -> Interpreter:
    return Interpreter(scoring_program(row))


@memoized(ORACLE)
def scoring_program(row: ScoreRow) -> Program:
    """The score as a Program of its own."""
    outputs, targets = _arrays(row)
    return trace(Scored(row.score()), (opened(outputs), opened(targets)))


def score_of(row: ScoreRow, outputs: Array, targets: Array) -> float:
    """What the oracle gives."""
    return float(_scorer(row).run({}, [outputs, targets])[0][0])


def formula(row: ScoreRow) -> Outcome:
    """The oracle's value against the row's independent formula."""
    outputs, targets = _arrays(row)
    expected = row.formula(outputs, targets)
    error = abs(score_of(row, outputs, targets) - expected) / (abs(expected) or 1.0)
    return Outcome("oracle", row.name, "the oracle", error, bound("oracle", "float64"), SCALE)


@dataclass(frozen=True, eq=False)
class Scores:
    """What a backend made of one row: values, and the weights after one step of SGD at rate 1."""

    x: Array
    targets: Array
    evaluated: float
    trained: float
    weights: dict[str, Array]


@memoized(NETS)
def scores(row: ScoreRow, target: Target) -> Scores:
    """The model is a Dense layer with the identity as its kernel, so that outputs are inputs."""
    x, targets = _arrays(row)
    x = x.astype(target.dtype)
    if targets.dtype.kind == "f":
        targets = targets.astype(target.dtype)
    net, training = _scoring(row, target, x)
    net.load_weights(identity(x))
    evaluated = net.evaluate(training, (x, targets))["loss"]
    trained = net.fit(training, (x, targets)).epochs[0]["loss"]
    return Scores(x, targets, evaluated, trained, net.weights)


def score(row: ScoreRow, target: Target) -> Outcome:
    """The value in evaluation and in a training step, against the oracle."""
    found = scores(row, target)
    x, targets = (a.astype(np.float64) if a.dtype.kind == "f" else a
                  for a in (found.x, found.targets))  # fmt: skip
    expected = score_of(row, x, targets)
    error, name = worst({
        "evaluated": _relative(found.evaluated, expected),
        "trained": _relative(found.trained, expected),
    })  # fmt: skip
    error, unit = in_units(error, target.dtype)
    limit = bound("score", target.dtype, row.name)
    return Outcome("score", row.name, str(target), error, limit, unit, name)


def called_score(row: ScoreRow, target: Target) -> Outcome:
    """The value as a model of its own gives it: in precisions that nothing is trained in."""
    outputs, targets = _arrays(row)
    net = compile(
        scoring_program(row), backend=target.backend, dtype=target.dtype, device=target.device,
        natives=target.natives,
    )  # fmt: skip
    given = floats_rounded({0: outputs, 1: targets}, target.dtype)
    expected = np.array(score_of(row, given[0], given[1]))
    found = net((given[0], given[1]))
    error, unit = in_units(scaled_error(found, expected, target.dtype), target.dtype)
    if not has_precision(found, target.dtype):
        error = float("inf")
    limit = bound("score", target.dtype, row.name)
    return Outcome("score", row.name, str(target), error, limit, unit)


def score_gradient(row: ScoreRow, target: Target) -> Outcome:
    """A loss's gradient, as the step showed it, against the oracle's five-point derivative."""
    found = scores(row, target)
    start = identity(found.x)
    gradient = {path: start[path] - found.weights[path] for path in start}

    def value(point: dict[str, Array]) -> float:
        return score_of(row, found.x @ point[KERNEL] + point[BIAS], found.targets)

    error = check_direction(value, start).difference(gradient)
    limit = bound("gradients", target.dtype, row.name)
    return Outcome("gradients", row.name, str(target), error, limit, "relative")


def identity(x: Array) -> dict[str, Array]:
    """Weights of a Dense layer that gives what it is given."""
    return {KERNEL: np.eye(x.shape[-1]), BIAS: np.zeros(x.shape[-1])}


def _relative(actual: float, expected: float) -> float:
    return abs(actual - expected) / (abs(expected) or 1.0)


def _scoring(row: ScoreRow, target: Target, x: Array) -> tuple[Net, Training]:
    net = compile(
        Sequential(Dense(x.shape[-1])), opened(x), backend=target.backend, dtype=target.dtype,
        device=target.device, natives=target.natives,
    )  # fmt: skip
    return net, training_of(row, len(x))


def training_of(row: ScoreRow, batch_size: int = 32) -> Training:
    """The training program that a row is about."""
    return Training(row.score(), SGD(1.0), batch_size, shuffle=False)
