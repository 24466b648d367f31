"""dl.check_gradients: how large the gradients of a batch are, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polydl.diagnostics.batch import as_data, check_net, check_training, copy_of, first_batch
from polydl.diagnostics.cause import Cause, find_cause
from polydl.diagnostics.gradients import loss_and_gradients
from polydl.diagnostics.objective import Array, Objective, objective
from polydl.diagnostics.table import number, table
from polydl.diagnostics.watches import DeadUnits, DeadUnitsWatch
from polydl.net import Net
from polydl.training.settings import Training

VANISHING = 1e-6  # a gradient's root mean square, of the largest one among the parameters
EXPLODING = 1e3  # a gradient's norm, in norms of its parameter
LARGE_UPDATE = 0.1  # a first update's norm, in norms of its parameter; 1e-3 is usual

_ADVICE = {
    "not finite": "see below where it arises",
    "no gradient": "it does not act on the loss, units after it are dead, or it is the bias before a "
    "normalisation, which takes it away",
    "vanishing": f"less than {VANISHING:g} of the largest. Look at saturating activations (tanh, "
    "sigmoid), the scale of initial weights, depth without residual connections or normalisation; a "
    "bias before a normalisation has none but rounding",
    "exploding": f"above {EXPLODING:g} times the parameter. Clip by global norm, lower the scale of "
    "initial weights, normalise inputs and targets",
    "large update": f"the first update is above {LARGE_UPDATE:g} of the parameter. Lower the learning "
    "rate, or warm it up (dl.find_lr)",
}


@dataclass(frozen=True)
class ParameterGradient:
    """Of one parameter: norms, and what is remarkable. ratio: gradient / weight, None for a weight
    of 0. update: of the first step, / weight; None where it was not asked for.
    """

    path: str
    shape: tuple[int, ...]
    gradient: float
    weight: float
    ratio: float | None
    update: float | None
    flags: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """The gradient's root mean square."""
        return self.gradient / np.sqrt(max(1, int(np.prod(self.shape))))


@dataclass(frozen=True)
class GradientReport:
    """What dl.check_gradients found. It prints as a table.

    cause: why the loss or a gradient is not finite, where one is not.
    """

    loss: float
    samples: int
    where: str
    parameters: tuple[ParameterGradient, ...]
    dead_units: tuple[DeadUnits, ...] = ()
    cause: Cause | None = None

    @property
    def flags(self) -> dict[str, list[str]]:
        """Paths of the parameters that are remarkable, by why."""
        found: dict[str, list[str]] = {}
        for parameter in self.parameters:
            for flag in parameter.flags:
                found.setdefault(flag, []).append(parameter.path)
        return found

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not (self.flags or self.dead_units or self.cause) and bool(np.isfinite(self.loss))

    def __str__(self) -> str:
        norm = float(np.sqrt(sum(p.gradient**2 for p in self.parameters)))
        lines = [f"loss {self.loss:.6g}, gradient norm {norm:.4g} ({self.where})", ""]
        headings = ("parameter", "shape", "gradient", "weight", "ratio", "update", "")
        rows = [
            (p.path, " x ".join(map(str, p.shape)) or "scalar", number(p.gradient),
             number(p.weight), number(p.ratio), number(p.update), ", ".join(p.flags))
            for p in self.parameters
        ]  # fmt: skip
        lines += table(headings, rows, left=2)
        notes = [
            f"{flag}: {', '.join(paths)}: {_ADVICE[flag]}" for flag, paths in self.flags.items()
        ]
        notes += [f"dead units: {dead}" for dead in self.dead_units]
        if self.cause:
            notes.append(f"first number that is not finite: {self.cause}")
        return "\n".join([*lines, "", *(notes or ["nothing remarkable"])])


def check_gradients(
    net: Net, training: Training, data: Any, *, update: bool = True, oracle: bool = True
) -> GradientReport:
    """Gradients of the loss of a fit's first batch, by parameter, in training mode; a report.

    The net and its optimizer stay as they are. The gradients are the framework's own, compiled as the
    training program is. Dropout and the like draw the masks of portable randomness at step 0 under the
    training's seed, whatever its `randomness` says, so that two calls agree, and the framework with the
    oracle.

    Flags: "vanishing", root mean square below 1e-6 of the largest; "exploding", norm above 1000 times
    the parameter's; "no gradient", all zeros; "large update", a first step that moves the parameter by
    more than a tenth of its norm; "not finite". Dead units, and the place where the first NaN or
    infinity arises, are found on the oracle, which repeats the batch in numpy, rounding each result to
    the net's precision, and to that of mixed precision where the training asks for it.

    update: also make one step of the training program, on a copy, for the updates' sizes. oracle:
    False leaves the numpy run out, which takes long for a large model.
    """
    check_net(net, "check_gradients")
    training, (inputs, given) = first_batch(net, check_training(training, "check_gradients"), data)
    whole = objective(net.program, training)
    arrays = whole.arrays(inputs, given, 0)
    weights = net.weights
    loss, gradients = loss_and_gradients(whole, net.backend, net.options, weights, arrays)
    finite = bool(np.isfinite(loss)) and all(np.isfinite(g).all() for g in gradients.values())
    moved = _updates(net, training, inputs, given) if update and finite else {}
    parameters = _parameters(weights, gradients, moved)
    where = f"{len(inputs[0])} samples, {net.backend} in {net.options.dtype}, training mode"
    dtype, precision, cause = net.options.dtype, training.precision, None
    if oracle and (precision or not finite):
        cause = find_cause(whole, weights, arrays, gradients, dtype, precision=precision)
    found = _on_the_oracle(whole, weights, arrays, cause) if oracle else {}
    return GradientReport(loss, len(inputs[0]), where, parameters, **found)


def _updates(
    net: Net, training: Training, inputs: list[Array], given: tuple[Array, ...]
) -> dict[str, Array]:
    """By how much a first step moves each parameter."""
    copy = copy_of(net)
    before = copy.parameters
    one = replace(training, epochs=1, batch_size=len(inputs[0]), shuffle=False, augment=())
    copy.fit(one, as_data(net, training, inputs, given), progress=False, check_finite=False)
    return {path: value - before[path] for path, value in copy.parameters.items()}


def _parameters(
    weights: Mapping[str, Array], gradients: Mapping[str, Array], updates: Mapping[str, Array]
) -> tuple[ParameterGradient, ...]:
    rows = []
    for path, gradient in gradients.items():
        weight = norm(weights[path])
        ratio = norm(gradient) / weight if weight else None
        moved = norm(updates[path]) / weight if weight and path in updates else None
        row = ParameterGradient(path, gradient.shape, norm(gradient), weight, ratio, moved)
        rows.append(row)
    largest = max((row.mean for row in rows if np.isfinite(row.mean)), default=0.0)
    return tuple(
        ParameterGradient(**{**vars(row), "flags": tuple(_flags(row, largest))}) for row in rows
    )


def _flags(row: ParameterGradient, largest: float) -> list[str]:
    if not np.isfinite(row.gradient):
        return ["not finite"]
    if row.gradient == 0:
        return ["no gradient"]
    size = row.weight or np.sqrt(max(1, int(np.prod(row.shape))))
    return [
        flag
        for flag, holds in (
            ("vanishing", row.mean < VANISHING * largest),
            ("exploding", row.gradient > EXPLODING * size),
            ("large update", row.update is not None and row.update > LARGE_UPDATE),
        )
        if holds
    ]


def norm(array: Array) -> float:
    """The Euclidean norm, in float64."""
    return float(np.linalg.norm(np.asarray(array, np.float64).ravel()))


def _on_the_oracle(
    whole: Objective, weights: Mapping[str, Array], arrays: list[Array], cause: Cause | None
) -> dict[str, Any]:
    """Dead units, unless the forward pass is not finite."""
    if cause is not None and cause.first_bad is not None:
        return {"cause": cause}
    dead = DeadUnitsWatch(whole)
    whole.run(weights, arrays, dead)
    return {"dead_units": dead.found(), "cause": cause}
