"""Checks of whole training runs: two programs must learn the same, step by step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from polydl.compile import compile
from polydl.conformance.expectations import cross_entropy
from polydl.conformance.memo import NETS, memoized
from polydl.conformance.models import digits_cnn
from polydl.conformance.nets import Target
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import Array
from polydl.conformance.samplers import generator
from polydl.conformance.tolerances import bound
from polydl.losses.cross_entropy import CrossEntropy
from polydl.metrics.accuracy import Accuracy
from polydl.net import Net
from polydl.optimizers.adam import Adam
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.sgd import SGD
from polydl.reference import Interpreter
from polydl.spec.input import Input
from polydl.spec.tracing import trace
from polydl.training.settings import Training

RULES: dict[str, Optimizer] = {
    "adam": Adam(2e-3),
    "nesterov": SGD(0.03, momentum=0.9, nesterov=True),
}
EPOCHS, BATCH, COUNT = 20, 32, 310  # 200 steps, the last batch of each epoch smaller
STEPS_PER_EPOCH = -(-COUNT // BATCH)
RECORDED = "curves.json"


@dataclass(frozen=True, eq=False)
class Curve:
    """One run: the loss of every step, and where it ended."""

    losses: Array
    weights: dict[str, Array]
    accuracy: float  # of the last epoch, while training
    net: Net


def digits() -> tuple[Array, Array]:
    """Images of ten classes on a background of zeros, as real digits have: ties everywhere."""
    rng = generator("digits")
    prototypes = rng.random((10, 8, 8)) * (rng.random((10, 8, 8)) < 0.4)
    labels = rng.integers(0, 10, COUNT).astype(np.int32)
    noise = rng.random((COUNT, 8, 8)) * (rng.random((COUNT, 8, 8)) < 0.15)
    images = np.clip(prototypes[labels] + noise, 0, 1)
    return images[..., None], labels


def training(rule: str, epochs: int = EPOCHS) -> Training:
    return Training(
        loss=CrossEntropy(), optimizer=RULES[rule], batch_size=BATCH, epochs=epochs,
        metrics=[Accuracy()], randomness="portable", seed=7,
    )  # fmt: skip


@memoized(NETS)
def curve(target: Target, rule: str, epochs: int = EPOCHS) -> Curve:
    """A CNN with batch norm and portable dropout, trained."""
    net = compile(
        digits_cnn(), Input((None, 8, 8, 1)), backend=target.backend, dtype=target.dtype,
        device=target.device, natives=target.natives, seed=7,
    )  # fmt: skip
    history = net.fit(training(rule, epochs), digits())
    return Curve(history.steps, net.weights, history.epochs[-1]["accuracy"], net)


def losses(rule: str, first: Target, second: Target, epochs: int = EPOCHS) -> Outcome:
    """Largest relative difference of two runs' losses, over all steps."""
    a, b = curve(first, rule, epochs), curve(second, rule, epochs)
    return relative_losses(rule, f"{first} and {second}", a.losses, b.losses)


def final_weights(rule: str, first: Target, second: Target, epochs: int = EPOCHS) -> Outcome:
    """Largest difference of two runs' weights and state at the end."""
    a, b = curve(first, rule, epochs).weights, curve(second, rule, epochs).weights
    errors = {path: float(np.abs(a[path] - b[path]).max()) for path in a}
    name = max(errors, key=lambda path: errors[path])
    where, limit = f"{first} and {second}", bound("final weights", "float64")
    return Outcome("final weights", rule, where, errors[name], limit, "absolute", name)


def recorded_losses(rule: str, target: Target, epochs: int = EPOCHS) -> Outcome:
    """The same against the curve that all of polydl's own backends gave: for a backend alone."""
    known = np.array(recorded()[rule][: epochs * STEPS_PER_EPOCH])
    mine = curve(target, rule, epochs).losses
    return relative_losses(rule, f"{target} and the recorded curve", mine, known)


def evaluation(rule: str, target: Target, epochs: int = EPOCHS) -> Outcome:
    """The loss in evaluation mode after a run, against the oracle at the run's own weights."""
    run, (x, labels) = curve(target, rule, epochs), digits()
    evaluated = run.net.evaluate(training(rule, epochs), (x, labels))["loss"]
    interpreter = Interpreter(trace(digits_cnn(), Input((None, 8, 8, 1))))
    (outputs,), _ = interpreter.run(run.weights, [x])
    expected = cross_entropy(outputs, labels)
    error, limit = abs(evaluated - expected) / expected, bound("score", "float64")
    return Outcome("evaluation", rule, str(target), error, limit, "relative")


def relative_losses(what: str, where: str, a: Array, b: Array) -> Outcome:
    """The largest relative difference of two series."""
    limit = bound("losses", "float64")
    if a.shape != b.shape:
        return Outcome("losses", what, where, float("inf"), limit, "relative", "steps differ")
    differences = np.abs(a - b) / np.abs(b)
    error, step = float(differences.max()), int(differences.argmax())
    return Outcome("losses", what, where, error, limit, "relative", f"at step {step}")


@cache
def recorded() -> dict[str, Any]:
    return json.loads(resources.files("polydl.conformance").joinpath(RECORDED).read_text())


def record(backend: str) -> None:
    """Write the curves of a backend as those to compare with. Run it when the model changes."""
    found = {rule: curve(Target(backend), rule).losses.tolist() for rule in RULES}
    path = resources.files("polydl.conformance").joinpath(RECORDED)
    with open(str(path), "w", encoding="utf-8") as file:
        json.dump(found, file)
