"""Checks of training in float16: the scale of the loss, updates that are skipped, and the weights."""

from __future__ import annotations

import numpy as np

from polydl.compile import compile
from polydl.conformance.memo import NETS, memoized
from polydl.conformance.nets import Target
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import Array
from polydl.conformance.samplers import generator
from polydl.conformance.tolerances import bound
from polydl.layers.dense import Dense
from polydl.losses.regression import MSE
from polydl.optimizers.sgd import SGD
from polydl.spec.input import Input
from polydl.training.loss_scale import LossScale
from polydl.training.settings import Training

MIXED = "mixed precision"
RATE, STEPS, OUTPUTS = 0.05, 8, 2


def good_updates(target: Target) -> Outcome:
    """Weights after updates that are all good, against gradient descent in NumPy; the scale grows.

    An error of 0 in float16 is none at all: then nothing was computed in it.
    """
    scale = LossScale(8.0, growth_every=3, growth=4.0)  # 8 updates are 2 * 3 + 2
    before, after, found = _run(target, scale)
    expected = _descent(before)
    error = max(float(np.abs(after[path] - expected[path]).max()) for path in expected)
    wrong = found != {"scale": 128.0, "good_steps": 2} or error < 1e-6
    error = float("inf") if wrong else error
    where, limit = str(target), bound("mixed losses", "float16")
    return Outcome("good updates", MIXED, where, error, limit, "absolute", f"{found}")


def skipped_updates(target: Target) -> Outcome:
    """Weights after updates that all overflow stay as they are; the scale is halved by each."""
    before, after, found = _run(target, LossScale(2.0**60))
    error = max(float(np.abs(after[path] - before[path]).max()) for path in before)
    if found != {"scale": 2.0 ** (60 - STEPS), "good_steps": 0}:
        error = float("inf")
    return Outcome("skipped updates", MIXED, str(target), error, 0.0, "absolute", f"{found}")


def _samples() -> tuple[Array, Array]:
    rng = generator(MIXED)
    return rng.normal(size=(16, 3)), rng.normal(size=(16, OUTPUTS))


@memoized(NETS)
def _run(
    target: Target, scale: LossScale
) -> tuple[dict[str, Array], dict[str, Array], dict[str, float]]:
    """Weights before and after, and the scale then, with how many updates were good since it was."""
    net = compile(
        Dense(OUTPUTS), Input((None, 3)), backend=target.backend, dtype="float32",
        device=target.device, natives=target.natives, seed=7,
    )  # fmt: skip
    before = net.weights
    training = Training(
        MSE(), SGD(RATE), batch_size=16, epochs=STEPS, shuffle=False, precision="float16",
        loss_scale=scale,
    )  # fmt: skip
    net.fit(training, _samples(), progress=False)
    prepared = net._fitting.prepared
    assert prepared is not None
    found = prepared.state.loss_scale()
    return before, net.weights, {name: found[name] for name in ("scale", "good_steps")}


def _descent(weights: dict[str, Array]) -> dict[str, Array]:
    """On mean((x @ kernel + bias - targets)^2), by its gradient."""
    x, targets = _samples()
    kernel, bias = (np.asarray(weights[name], np.float64) for name in ("kernel", "bias"))
    for _ in range(STEPS):
        slope = 2 * (x @ kernel + bias - targets) / targets.size
        kernel, bias = kernel - RATE * x.T @ slope, bias - RATE * slope.sum(0)
    return {"kernel": kernel, "bias": bias}
