"""Checks of what a training step does besides the update: sixty steps, against NumPy.

The model, its data and its derivatives on paper are those of the rows of optimizers; the update is
SGD with momentum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polydl.compile import compile
from polydl.conformance.checks import scaled_error, worst
from polydl.conformance.checks_optimizers import PLACES, SAMPLES, Weights, gradients, model, problem
from polydl.conformance.memo import ORACLE, memoized
from polydl.conformance.nets import Target
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import Array, StageRow
from polydl.conformance.tolerances import SCALE, bound
from polydl.losses.regression import MSE
from polydl.optimizers.sgd import SGD
from polydl.reference.interpreter import evaluate_block
from polydl.spec.input import Input
from polydl.spec.tracing import trace
from polydl.training.noise import noise_key
from polydl.training.penalized import penalized
from polydl.training.rules import frozen, parameter_shapes
from polydl.training.settings import Training

STEPS, RATE, MOMENTUM = 60, 0.05, 0.9


def training_of(row: StageRow) -> Training:
    return Training(MSE(), SGD(RATE, MOMENTUM), SAMPLES, shuffle=False, **row.settings())


@dataclass(frozen=True, eq=False)
class Run:
    """Losses of all steps, weights at the end, their averages, and the loss of evaluating these.

    averages: the weights themselves, where there are none.
    """

    losses: Array
    weights: Weights
    averages: Weights
    evaluated: float


def _data() -> tuple[Array, Array, Weights]:
    tokens, targets, start = problem()
    return tokens[: STEPS * SAMPLES], targets[: STEPS * SAMPLES], start


def _penalty(row: StageRow, weights: Weights) -> tuple[float, Weights]:
    if row.penalty is None:
        return 0.0, {path: np.zeros_like(value) for path, value in weights.items()}
    found = {path: row.penalty(path, value) for path, value in weights.items()}
    return sum(v for v, _ in found.values()), {path: slope for path, (_, slope) in found.items()}


@memoized(ORACLE)
def on_paper(row: StageRow) -> Run:
    """The run in NumPy."""
    tokens, targets, weights = _data()
    training = training_of(row)
    stays = frozen(trace(model(), Input((None, PLACES), "int")), training)
    velocity = {path: np.zeros_like(value) for path, value in weights.items()}
    losses, every = [], [weights]
    for step in range(STEPS):
        batch = slice(step * SAMPLES, (step + 1) * SAMPLES)
        loss, slopes = gradients(weights, tokens[batch], targets[batch])
        more, others = _penalty(row, weights)
        losses.append(loss + more)
        moved = dict(weights)
        trained = [path for path in weights if path not in stays]
        gradient = {path: slopes[path] + others[path] for path in trained}
        if row.noise is not None:
            gradient = {p: g + row.noise(p, g.shape, step) for p, g in gradient.items()}
        for path, slope in _clipped(gradient, training).items():
            velocity[path] = MOMENTUM * velocity[path] + slope
            moved[path] = weights[path] - RATE * velocity[path]
        weights = moved
        every.append(weights)
    averages = dict(weights)
    if row.average is not None:
        averages = {path: row.average([w[path] for w in every]) for path in weights}
    evaluated = gradients(averages, tokens, targets)[0] + _penalty(row, averages)[0]
    return Run(np.array(losses), weights, averages, evaluated)


def _clipped(gradient: Weights, training: Training) -> Weights:
    if training.clip_norm is None:
        return gradient
    norm = np.linalg.norm(np.concatenate([slope.ravel() for slope in gradient.values()]))
    factor = min(1.0, training.clip_norm / float(norm))
    return {path: factor * slope for path, slope in gradient.items()}


def formula(row: StageRow) -> Outcome:
    """The definitions, on the oracle, against the row's formulas."""
    training, (_, _, start) = training_of(row), _data()
    program = trace(model(), Input((None, PLACES), "int"))
    found = 0.0
    for penalty in training.penalties:
        paths = penalized(penalty, parameter_shapes(program), frozen(program, training))
        for path in paths:
            (total,) = evaluate_block(penalty.trace(), [start[path].reshape(-1)])
            found += penalty.rate * float(total)
    expected = _penalty(row, start)[0]
    errors = {"penalties": abs(found - expected) / (abs(expected) or 1.0)}
    if row.average is not None:
        every = [np.sin(np.arange(3.0) * step) for step in range(STEPS + 1)]
        errors["averages"] = scaled_error(_averaged(training, every), row.average(every))
    if row.noise is not None:
        errors["noise"] = scaled_error(_noise(training, 5), row.noise("2.kernel", (2, 3, 4), 5))
    error, name = worst(errors)
    limit = bound("oracle", "float64")
    return Outcome("oracle", row.name, "the oracle", error, limit, SCALE, name)


def _averaged(training: Training, every: list[Array]) -> Array:
    """By the definition, on the oracle."""
    assert training.average is not None
    blocks, average = training.average.trace(), every[0]
    for step, value in enumerate(every[1:]):
        (weight,) = evaluate_block(blocks, [np.asarray(step, np.int32)])
        average = average + float(weight) * (value - average)
    return average


def _noise(training: Training, step: int) -> Array:
    """That of 24 numbers of one parameter, on the oracle."""
    noise = training.gradient_noise
    assert noise is not None
    key = noise_key(training.seed, "2.kernel")
    given = [np.arange(24, dtype=np.int32), np.asarray(step, np.int32), np.asarray(key, np.int32)]
    (normal,) = evaluate_block(noise.trace(), given)
    (deviation,) = evaluate_block(noise.trace_deviation(), given[1:2])
    return (deviation * normal).reshape(2, 3, 4)


def updates(row: StageRow, target: Target) -> Outcome:
    """The emitted training program against NumPy."""
    tokens, targets, start = _data()
    net = compile(
        model(), Input((None, PLACES), "int"), backend=target.backend, dtype=target.dtype,
        device=target.device, natives=target.natives,
    )  # fmt: skip
    net.load_weights(start)
    training, expected = training_of(row), on_paper(row)
    history = net.fit(training, (tokens, targets))
    evaluated = net.evaluate(training, (tokens, targets))["loss"]
    errors = {path: scaled_error(net.weights[path], v) for path, v in expected.weights.items()}
    same = history.steps.shape == expected.losses.shape
    errors["losses"] = (
        float(np.max(np.abs(history.steps / expected.losses - 1))) if same else float("inf")
    )
    if row.average is not None:
        found = net.averaged_weights
        errors |= {
            f"average of {p}": scaled_error(found[p], v) for p, v in expected.averages.items()
        }
    errors["evaluation"] = abs(evaluated / expected.evaluated - 1)
    error, name = worst(errors)
    limit = bound("updates", target.dtype, row.name)
    return Outcome("updates", row.name, str(target), error, limit, SCALE, name)
