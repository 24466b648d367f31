"""dl.check_derivatives: a framework's own differentiation against differences of the oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from polydl.compile import compile
from polydl.data import check_count, input_arrays
from polydl.diagnostics.objective import Array, Objective, objective
from polydl.diagnostics.table import table
from polydl.errors import DefinitionError
from polydl.losses.loss import Loss
from polydl.net import Net
from polydl.optimizers.sgd import SGD
from polydl.program.passes import portable_randomness
from polydl.program.passes.randomness import takes_step
from polydl.program.types import Program
from polydl.reference.gradients import one_sided_derivatives, project
from polydl.reference.interpreter import Interpreter
from polydl.reference.weighted_sum import INPUT, WEIGHT, WeightedSum, gradients_by_name
from polydl.spec.input import Input
from polydl.spec.module import Function, Module
from polydl.training.arrays import training_arrays, weighted
from polydl.training.settings import Training

K = TypeVar("K")
Losses = Loss | Mapping[str, Loss | None] | Sequence[Loss | None]  # as Training takes them
_NOISE = 64 * float(np.finfo(np.float64).eps)  # of a sum, by rounding


@dataclass(frozen=True)
class Derivative:
    """Along one random direction of one parameter or input.

    expected: of the oracle. found: of the framework. difference: relative. verdict: "agrees",
    "differs" or "kink". sides: the oracle's slopes on the left and on the right, unless it agrees.
    """

    name: str
    expected: float
    found: float
    difference: float
    verdict: str
    sides: tuple[float, float] | None = None
    nearby: bool = False  # at a kink: whether it agrees a little away from it


@dataclass(frozen=True)
class DerivativeReport:
    """What dl.check_derivatives found. It prints as a table."""

    where: str
    tolerance: float
    derivatives: tuple[Derivative, ...]

    @property
    def ok(self) -> bool:
        """Whether none differs."""
        return all(found.verdict != "differs" for found in self.derivatives)

    def __str__(self) -> str:
        rows = [
            (d.name, f"{d.expected:.9g}", f"{d.found:.9g}", f"{d.difference:.1e}", d.verdict)
            for d in self.derivatives
        ]
        headings = ("derivative by", "oracle", "framework", "difference", "")
        notes = [
            f"{d.name}: the slope is {d.sides[0]:.6g} on one side and {d.sides[1]:.6g} on the other: a "
            "kink, where the derivative is a choice. A little away from it, "
            + ("the framework agrees" if d.nearby else "there are others: nothing was shown")
            for d in self.derivatives
            if d.verdict == "kink" and d.sides is not None
        ]
        return "\n".join([self.where, "", *table(headings, rows), *([""] if notes else []), *notes])


def check_derivatives(
    model: Net | Module | Function | Program,
    loss: Losses | None,
    data: Any,
    *,
    inputs: Input | Sequence[Input] | Mapping[str, Input] | None = None,
    backend: str | None = None,
    training: bool = True,
    tolerance: float = 1e-7,
    seed: int = 0,
) -> DerivativeReport:
    """A framework's derivatives against five-point differences of the oracle, all in float64.

    model: a net, whose weights, backend and natives are used; or a model with `inputs` and `backend`,
    as dl.compile takes them. loss: whose derivative is taken, with data as `fit` takes them; or None:
    of the outputs' sum with random weights, and data are the inputs alone. A few samples are enough:
    for each parameter and each floating input the oracle runs some twenty times.

    Each is moved along a random direction of length 1. A difference above `tolerance`, relative to
    the derivative (but to no less than a thousandth of the gradient's norm), counts, except what
    rounding explains. Where slopes on both sides differ, a kink (a ReLU's 0, a tie of max) lies at the
    point or within 1e-4 of it, and the verdict is "kink"; then weights and inputs are moved at random
    by a tenth, and it is "differs" if the framework does so there. training: the mode. Masks are
    those of portable randomness under `seed`, at step 0.
    """
    net = _net(model, inputs, backend)
    whole, arrays, cotangents = _problem(net, loss, data, seed, training)
    weights = {path: w.astype(np.float64) if w.dtype.kind == "f" else w
               for path, w in net.weights.items()}  # fmt: skip
    native = whole.build(net.backend, replace(net.options, dtype="float64"), weights)

    def checked(
        weights: Mapping[str, Array], inputs: list[Array], names: Any
    ) -> dict[str, Derivative]:
        with net._backend.precision(replace(net.options, dtype="float64")):
            native.set_weights(whole.weights(weights))
            slopes = gradients_by_name(
                *native.training_gradients(inputs, list(cotangents), training)
            )
        total = WeightedSum(whole.program, whole.weights(weights), inputs, cotangents, training)
        return {
            name: _checked(total, slopes, name, _shown(whole, name), tolerance, seed)
            for name in names or total.point
        }

    found = checked(weights, arrays, ())
    kinks = [name for name, derivative in found.items() if derivative.verdict == "kink"]
    if kinks:
        own = len(net.program.root.inputs)
        nudged = _nudged(net.parameters, seed), _nudged(dict(enumerate(arrays[:own])), seed)
        moved = [*nudged[1].values(), *arrays[own:]]
        for name, nearby in checked({**weights, **nudged[0]}, moved, kinks).items():
            agrees = nearby.verdict == "agrees"
            found[name] = (
                nearby if nearby.verdict == "differs" else replace(found[name], nearby=agrees)
            )
    mode = "training" if training else "inference"
    where = (
        f"derivatives of {type(loss).__name__ if loss else 'the outputs'}, {net.backend} against "
    )
    where += f"the oracle in float64, {mode} mode"
    return DerivativeReport(where, tolerance, tuple(found.values()))


def _nudged(arrays: Mapping[K, Array], seed: int) -> dict[K, Array]:
    """Floats moved at random by a tenth of their size."""
    rng = np.random.default_rng(seed)
    return {
        name: x + 0.1 * (x.std() or 1.0) * rng.standard_normal(x.shape)
        if x.dtype.kind == "f"
        else x
        for name, x in arrays.items()
    }


def _net(model: Any, inputs: Any, backend: str | None) -> Net:
    if isinstance(model, Net):
        if inputs is not None or backend is not None:
            raise DefinitionError(
                "dl.check_derivatives: a net brings its inputs and backend; leave them out"
            )
        return model
    if backend is None:
        raise DefinitionError(
            "dl.check_derivatives: which backend? Give a net, or a model with `inputs` and `backend`"
        )
    return compile(model, inputs, backend=backend, dtype="float64")


def _problem(
    net: Net, loss: Losses | None, data: Any, seed: int, training: bool
) -> tuple[Objective, list[Array], list[Array | None]]:
    """What is differentiated, its arrays, and what its outputs are multiplied by."""
    if loss is not None:
        if not isinstance(loss, (Loss, Mapping, tuple, list)):
            raise DefinitionError(
                "dl.check_derivatives: loss must be a dl.Loss or None, or one for each of several "
                f"outputs, got {type(loss).__name__}"
            )
        settings = weighted(Training(loss, SGD(0.0), seed=seed), data)
        given = training_arrays(net.program, settings, "float64", data, "data")
        whole = objective(net.program, settings)
        return whole, whole.arrays(*given, 0), [np.ones(())]
    program = portable_randomness(net.program, seed)
    whole = Objective(program, "", "", takes_step(program))
    arrays = input_arrays(net.program, data, "float64")
    check_count(arrays)
    arrays = whole.arrays(arrays, [], 0)
    outputs, _ = Interpreter(program).run(net.weights, arrays, training)
    rng = np.random.default_rng(seed)
    cotangents = [
        np.asarray(rng.standard_normal(y.shape)) if y.dtype.kind == "f" and y.size else None
        for y in outputs
    ]
    return whole, arrays, cotangents


def _shown(whole: Objective, name: str) -> str:
    if name.startswith(WEIGHT):
        return whole.path(name.removeprefix(WEIGHT))
    return f"input {whole.program.root.inputs[int(name.removeprefix(INPUT))].name!r}"


def _checked(
    total: WeightedSum,
    gradients: Mapping[str, Array],
    name: str,
    shown: str,
    tolerance: float,
    seed: int,
) -> Derivative:
    """The two derivatives along a random direction of one array."""
    gradient = {name: gradients[name]}
    expected = total.derivative(name, seed)
    found = project(gradient, expected.direction)
    scale, noise = expected.scale(gradient), _NOISE * abs(total.value) / expected.step
    gap = abs(found - expected.value)
    relative = gap / max(scale, noise)
    if gap <= tolerance * scale + noise:
        return Derivative(shown, expected.value, found, relative, "agrees")
    sides = one_sided_derivatives(total, total.part(name), expected.direction)
    kink = abs(sides[1] - sides[0]) > 1e-5 * scale + noise
    return Derivative(shown, expected.value, found, relative, "kink" if kink else "differs", sides)
