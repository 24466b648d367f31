"""Checks of what models compute: against formulas, and against the oracle."""

from __future__ import annotations

import numpy as np

from polydl.conformance import oracle
from polydl.conformance.nets import Target, compiled
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import Array, RandomRow, Row, TieRow
from polydl.conformance.samplers import generator
from polydl.conformance.tolerances import EPSILONS, SCALE, bound
from polydl.net import Net
from polydl.precision import EPSILON, carrier, is_low, rounded, smallest
from polydl.program.structure import flatten_as
from polydl.reference.weighted_sum import gradients_by_name
from polydl.spec.initializers import initial_weights
from polydl.spec.tracing import trace

INFINITE = float("inf")


def scaled_error(actual: Array, expected: Array, dtype: str = "float64") -> float:
    """Largest difference over the largest expected number; infinite if shapes or kinds differ.

    Numbers that are not finite, or too large for the dtype, must be the same.
    """
    if actual.shape != expected.shape or actual.dtype.kind != expected.dtype.kind:
        return INFINITE
    if expected.dtype.kind != "f":
        return 0.0 if np.array_equal(actual, expected) else INFINITE
    reached = rounded(expected, dtype)
    finite = np.isfinite(reached)
    if not np.array_equal(actual[~finite], reached[~finite], equal_nan=True):
        return INFINITE
    if not np.isfinite(actual[finite]).all():
        return INFINITE
    if not finite.any():
        return 0.0
    scale = max(float(np.abs(expected[finite]).max()), smallest(dtype) if is_low(dtype) else 0.0)
    error = np.abs(actual[finite].astype(np.float64) - expected[finite]).max()
    return float(error) / (scale or 1.0)


def worst(errors: dict[str, float]) -> tuple[float, str]:
    """The largest error and its name; NaN counts as largest."""
    if not errors:
        return 0.0, ""
    name = max(errors, key=lambda k: INFINITE if np.isnan(errors[k]) else errors[k])
    return errors[name], name


def formula(row: Row, training: bool = False) -> Outcome:
    """The oracle itself against the row's independent formula."""
    assert row.expected is not None
    known = oracle.case(row)
    outputs, state = oracle.run(row, training)
    expected, moved = row.expected(known.weights, list(known.inputs), training)
    names = oracle.leaf_names(known.program)
    errors = {
        name: scaled_error(y, np.asarray(e))
        for name, y, e in zip(names, outputs, expected, strict=True)
    }
    errors |= {f"state {path}": scaled_error(state[path], e) for path, e in moved.items()}
    error, name = worst(errors)
    where = "the oracle" + (", training" if training else "")
    return Outcome("oracle", row.name, where, error, bound("oracle", "float64"), SCALE, name)


def forward(row: Row, target: Target, training: bool = False, resized: bool = False) -> Outcome:
    """Outputs, and state after the call, against the oracle on the same rounded arrays."""
    net, known = compiled(row, target), oracle.case(row, resized)
    inputs, weights = known.rounded(target.dtype)
    net.load_weights(weights)
    actual = flatten_as(net.program.outputs, net(known.nested(inputs), training=training), row.name)
    expected, state = oracle.run(row, training, resized, target.dtype)
    names = oracle.leaf_names(known.program)
    errors = {
        name: scaled_error(y, e, target.dtype)
        for name, y, e in zip(names, actual, expected, strict=True)
    }
    wrong = [n for n, y in zip(names, actual, strict=True) if not has_precision(y, target.dtype)]
    errors |= {f"{name}, not {target.dtype}": INFINITE for name in wrong}
    after = net.weights
    errors |= {
        f"state {path}": scaled_error(after[path], e, target.dtype)
        for path, e in state.items()
        if training or not np.array_equal(after[path], weights[path])
    }
    error, name = worst(errors)
    error, unit = in_units(error, target.dtype)
    limit = bound("forward", target.dtype, row.name)
    where = f"{target}{', training' if training else ''}{', other sizes' if resized else ''}"
    return Outcome("forward", row.name, where, error, limit, unit, name)


def has_precision(array: Array, dtype: str) -> bool:
    """Whether an array of floats is of a type, or carries numbers of that type alone."""
    if array.dtype.kind != "f":
        return True
    return array.dtype == carrier(dtype) and np.array_equal(
        array, rounded(array, dtype), equal_nan=True
    )


def in_units(error: float, dtype: str) -> tuple[float, str]:
    """An error of a scale in the unit of its precision."""
    if dtype == "float64":
        return error, SCALE
    return error / EPSILON[dtype], EPSILONS


def weights(row: Row, target: Target) -> Outcome:
    """Initial weights are those of the spec, and weights come back bit for bit."""
    net, known = compiled(row, target), oracle.case(row)
    net.load_weights(initial_weights(known.program, 0))
    first = net.weights
    net.load_weights(known.weights)
    given = initial_weights(known.program, 0)
    wrong = [p for p in given if not np.array_equal(first[p], given[p])]
    after = net.weights
    wrong += [p for p in known.weights if not np.array_equal(after[p], known.weights[p])]
    if list(after) != list(known.weights):
        wrong.append(f"paths {list(after)}")
    note = ", ".join(wrong[:3])
    return Outcome("weights", row.name, str(target), len(wrong), 0.0, "entries differ", note)


def random(row: RandomRow, target: Target) -> Outcome:
    """What a model draws has the distribution it should have, and is new at each call."""
    net = _random_net(row, target)
    x = row.sample(generator(row.name)).astype(target.dtype)
    first, second = net(x, training=True), net(x, training=True)
    note = ""
    if np.array_equal(first, second):
        note = "two calls draw the same"
    for y in (first, second):
        try:
            row.verify(x, y)
        except AssertionError as error:
            note = str(error)
    return Outcome("random", row.name, str(target), float(bool(note)), 0.0, "failures", note)


def _random_net(row: RandomRow, target: Target) -> Net:
    from polydl.compile import compile

    return compile(
        trace(row.model(), row.inputs), backend=target.backend, dtype=target.dtype,
        device=target.device, natives=target.natives,
    )  # fmt: skip


def gradients(row: Row, target: Target, training: bool = False) -> Outcome:
    """The backend's derivative along random directions against the oracle's five-point one."""
    net, known = compiled(row, target), oracle.case(row)
    net.load_weights(known.weights)
    with net._backend.precision(net.options):
        by_path, by_input = net._model.gradients(
            list(known.inputs), list(oracle.cotangents(row)), training
        )
    found = gradients_by_name(by_path, by_input)
    point = oracle.weighted_sum(row, training).point
    errors = {n: INFINITE for n in point if n not in found or found[n].shape != point[n].shape}
    if not errors:
        parts = [""] if len(point) > 8 else [*point]
        for part in parts:
            expected = oracle.derivative(row, training, part)
            given = {name: found[name] for name in ([part] if part else point)}
            errors[part or "all"] = expected.difference(given)
    after = net.weights
    errors |= {f"{p} changed": INFINITE for p, w in known.weights.items()
               if not np.array_equal(after[p], w)}  # fmt: skip
    error, name = worst(errors)
    limit = bound("gradients", target.dtype, row.name)
    where = f"{target}{', training' if training else ''}"
    return Outcome("gradients", row.name, where, error, limit, "relative", name)


def ties(row: TieRow, target: Target) -> Outcome:
    """Derivatives at ties are those that the primitives' records state."""
    net, known = compiled(row, target), oracle.case(row)
    names = oracle.leaf_names(known.program)
    outputs = flatten_as(net.program.outputs, net(known.nested(known.inputs)), row.name)
    errors = {}
    for name, expected in row.gradients.items():
        chosen: list[Array | None] = [
            np.ones_like(y) if leaf == name else np.zeros_like(y)
            for leaf, y in zip(names, outputs, strict=True)
        ]
        with net._backend.precision(net.options):
            _, by_input = net._model.gradients(list(known.inputs), chosen, False)
        for i, (given, e) in enumerate(zip(by_input, expected, strict=True)):
            wanted = np.asarray(e, np.float64)
            fits = given is not None and given.shape == wanted.shape
            errors[f"{name} by input {i}"] = (
                float(np.abs(given - wanted).max()) if fits else INFINITE  # type: ignore[operator]
            )
    error, name = worst(errors)
    return Outcome("ties", row.name, str(target), error, bound("ties", "float64"), "", name)
