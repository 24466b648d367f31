"""Are the numbers right? Decided before anything is timed, against the float64 oracle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from polydl.compare.comparison import Check
from polydl.compare.first_loss import first_loss
from polydl.compare.job import Job
from polydl.errors import CompareError
from polydl.reference import Interpreter
from polydl.spec.initializers import initial_weights

ORACLE = "the float64 reference"
ROUNDING = 1_000.0  # epsilons that forward passes may differ by: rounding, in another order
ROUNDING_ELSEWHERE = 100_000.0  # off the CPU, products may be taken in TF32


class Oracle:
    """Outputs of the sample, and the first training step's loss, computed in float64.

    From the weights and inputs that backends get, rounded as theirs are.
    """

    def __init__(self, job: Job):
        self.job = job
        dtype = job.options.dtype
        weights = {
            path: value.astype(dtype) if value.dtype.kind == "f" else value
            for path, value in initial_weights(job.program, job.training.seed).items()
        }
        self.outputs, _ = Interpreter(job.program).run(weights, job.sample())
        self.first_loss = first_loss(job.program, job.training, weights, job.batch(0))


def check_backend(
    oracle: Oracle,
    name: str,
    outputs: Sequence[np.ndarray],
    losses: Sequence[float],
    first: tuple[str, Sequence[float]] | None,
) -> list[Check]:
    """A backend's outputs and losses of the first steps. first: the first backend and its losses.

    The oracle has the first step's loss, before any update; later ones, after updates, are compared
    with the first backend, and may differ by half the digits.
    """
    dtype, on_cpu = oracle.job.options.dtype, oracle.job.options.device == "cpu"
    allowed = ROUNDING if on_cpu else ROUNDING_ELSEWHERE
    several = len(oracle.outputs) > 1
    checks = [
        *(
            _check(name, f"outputs{f' [{i}]' if several else ''}, inference mode", ORACLE,
                   given, expected, dtype, allowed)
            for i, (given, expected) in enumerate(zip(outputs, oracle.outputs, strict=True))
        ),
        _check(name, "loss of the first training step", ORACLE, losses[0], oracle.first_loss,
               dtype, allowed),
    ]  # fmt: skip
    if first is not None:
        against, expected = first
        loose = max(allowed, float(np.finfo(dtype).eps ** -0.5))
        what = f"losses of steps 2 to {len(losses)}, after updates"
        checks.append(_check(name, what, against, losses[1:], expected[1:], dtype, loose))
    return checks


def require(checks: Sequence[Check]) -> None:
    """CompareError that lists every check that does not hold."""
    failed = [check for check in checks if not check.holds]
    if not failed:
        return
    lines = [
        f"{c.backend}: {c.what} differ{_s(c.what)} from {c.against} by {c.error:.3g}{c.where}: "
        f"{c.epsilons:.3g} times the rounding unit, {c.allowed:,.0f} allowed"
        for c in failed
    ]
    raise CompareError(
        "the backends do not compute the same; nothing was trained or timed.\n  "
        + "\n  ".join(lines)
    )


def _s(what: str) -> str:
    return "" if what.startswith(("outputs", "losses")) else "s"


def _check(
    backend: str, what: str, against: str, given: Any, expected: Any, dtype: str, allowed: float
) -> Check:
    given, expected = np.asarray(given, np.float64), np.asarray(expected, np.float64)
    if given.shape != expected.shape:
        raise CompareError(
            f"{backend}: {what} have the shape {given.shape}, where {against} has {expected.shape}"
        )
    if not np.isfinite(expected).all():
        raise CompareError(
            f"{what}: {against} gives numbers that are not finite. Look at the model and its data"
        )
    if not given.size:
        return Check(backend, what, against, 0.0, 0.0, allowed)
    distance = np.abs(given - expected)
    worst = np.unravel_index(np.argmax(np.where(np.isnan(distance), np.inf, distance)), given.shape)
    error = float(distance[worst])
    scale = max(float(np.abs(expected).max()), float(np.finfo(dtype).tiny))
    epsilons = error / (float(np.finfo(dtype).eps) * scale)
    where = f" at {tuple(map(int, worst))}" if given.ndim else ""
    return Check(backend, what, against, error, epsilons, allowed, where)


def relative_differences(losses: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Of every step. Where both are the same, infinities included, it is 0."""
    scale = np.maximum(np.abs(expected), np.finfo(np.float64).tiny)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(losses - expected) / scale
    same = (losses == expected) | (np.isnan(losses) & np.isnan(expected))
    return np.where(same, 0.0, difference)
