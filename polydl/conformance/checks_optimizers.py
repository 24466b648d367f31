"""Checks of optimizers: two hundred updates of a small model, as the emitted programs make them.

The model has what rules treat differently: an embedding, most rows of which have a gradient of 0 at
any step, and one always; a convolution's kernel and a dense one, neither square, one tall and one
wide; biases, which do not decay. The learning rate falls on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from polydl.compile import compile
from polydl.conformance.checks import scaled_error, worst
from polydl.conformance.memo import NETS, ORACLE, memoized
from polydl.conformance.nets import Target, backend
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import Array, OptimizerRow
from polydl.conformance.samplers import generator
from polydl.conformance.tolerances import SCALE, bound
from polydl.layers.conv import Conv2D
from polydl.layers.dense import Dense
from polydl.layers.embedding import Embedding
from polydl.layers.flatten import Flatten
from polydl.layers.reshaping import Reshape
from polydl.losses.regression import MSE
from polydl.net import Net
from polydl.reference.optimizers import Moved, initial_slots, learning_rate, update
from polydl.spec.input import Input
from polydl.spec.module import Sequential
from polydl.spec.tracing import trace
from polydl.training.rules import rules
from polydl.training.settings import Training

STEPS, SAMPLES, PLACES = 200, 4, 4
ROWS, FEATURES, FILTERS, UNITS = 6, 2, 3, 5
OFTEN = (
    0.5,
    0.3,
    0.17,
    0.03,
)  # how often rows are looked up; the last two, never and from step 150

Weights = dict[str, Array]
TABLE, KERNEL, BIAS = "0.table", "2.kernel", "2.bias"
HEAD, HEAD_BIAS = "4.kernel", "4.bias"


@dataclass(frozen=True, eq=False)
class Run:
    """Losses of all steps, and weights and what the optimizer carries (by path and slot) at the end."""

    losses: Array
    weights: Weights
    state: dict[str, Weights] = field(default_factory=dict)


def model() -> Sequential:
    window = Reshape((2, 2, FEATURES)), Conv2D(FILTERS, 2), Flatten()
    return Sequential(Embedding(ROWS, FEATURES), *window, Dense(UNITS))


def training_of(row: OptimizerRow) -> Training:
    return Training(MSE(), row.rule, SAMPLES, shuffle=False, groups=row.groups)


@memoized(ORACLE)
def problem() -> tuple[Array, Array, Weights]:
    """Tokens and targets of every step, and the weights to start from."""
    rng = generator("optimizers")
    tokens = rng.choice(len(OFTEN), (STEPS * SAMPLES, PLACES), p=OFTEN).astype(np.int32)
    tokens[-50 * SAMPLES :: 7, 0] = len(OFTEN)
    targets = np.sin(tokens @ rng.standard_normal((PLACES, UNITS)))
    shapes = {TABLE: (ROWS, FEATURES), KERNEL: (2, 2, FEATURES, FILTERS), BIAS: (FILTERS,)}
    shapes |= {HEAD: (FILTERS, UNITS), HEAD_BIAS: (UNITS,)}
    start = {path: 0.5 * rng.standard_normal(shape) for path, shape in shapes.items()}
    return tokens, targets, start


def gradients(w: Weights, tokens: Array, targets: Array) -> tuple[float, Weights]:
    """Mean squared error of a batch, and its derivatives on paper.

    The window is as large as the image, so that the convolution is one product.
    """
    x = w[TABLE][tokens].reshape(len(tokens), -1)
    flat = w[KERNEL].reshape(-1, FILTERS)
    h = x @ flat + w[BIAS]
    rest = h @ w[HEAD] + w[HEAD_BIAS] - targets
    dy = 2 / rest.size * rest
    dh = dy @ w[HEAD].T
    table = np.zeros_like(w[TABLE])
    np.add.at(table, tokens.ravel(), (dh @ flat.T).reshape(-1, FEATURES))
    kernel = (x.T @ dh).reshape(w[KERNEL].shape)
    head = {HEAD: h.T @ dy, HEAD_BIAS: dy.sum(0)}
    return float(np.mean(rest**2)), {TABLE: table, KERNEL: kernel, BIAS: dh.sum(0), **head}


def _batches() -> list[tuple[Array, Array]]:
    tokens, targets, _ = problem()
    return [(tokens[i : i + SAMPLES], targets[i : i + SAMPLES])
            for i in range(0, len(tokens), SAMPLES)]  # fmt: skip


def _moved(row: OptimizerRow) -> dict[str, Moved]:
    """What moves each parameter."""
    program = trace(model(), Input((None, PLACES), "int"))
    found = rules(program, training_of(row))
    return {path: (rule.optimizer, rule.rate) for rule in found for path in rule.paths}


@memoized(ORACLE)
def oracle_updates(row: OptimizerRow) -> Run:
    """By the oracle's update."""
    moved, (_, _, start) = _moved(row), problem()
    weights, slots = dict(start), initial_slots(moved, start)
    losses = []
    for number, batch in enumerate(_batches()):
        loss, slopes = gradients(weights, *batch)
        losses.append(loss)
        weights, slots = update(moved, weights, slopes, slots, number + 1)
    carried: dict[str, Weights] = {path: {} for path in weights}
    for slot, own in slots.items():
        for path, value in own.items():
            carried[path][slot] = value
    return Run(np.array(losses), weights, carried)


def formula(row: OptimizerRow) -> Outcome:
    """The oracle's updates against the row's formula."""
    rule, (_, _, current) = row.rule, problem()
    known: dict[str, tuple[Array, ...]] = dict.fromkeys(current, ())
    found = []
    for number, batch in enumerate(_batches()):
        loss, slopes = gradients(current, *batch)
        found.append(loss)
        rate, following = learning_rate(rule, number + 1), {}
        for path, value in current.items():
            following[path], known[path] = row.formula(
                path, value, slopes[path], number + 1, rate, known[path]
            )
        current = following
    limit = bound("oracle", "float64")
    expected = Run(np.array(found), current)
    return _outcome("oracle", row, "the oracle", limit, oracle_updates(row), expected)


def updates(row: OptimizerRow, target: Target) -> Outcome:
    """The emitted training program against the oracle's update.

    Where there is no native of the rule or of a part of it, natives are the definitions.
    """
    own, optimizers = backend(target.backend), [rule for rule, _ in _moved(row).values()]
    found = target.natives and any(own.native_optimizer(r) is not None for r in optimizers)
    return _updates(row, target if found else target.definitions())


@memoized(NETS)
def _updates(row: OptimizerRow, target: Target) -> Outcome:
    """Half way the optimizer's state is taken out, lost, and put in again."""
    tokens, targets, start = problem()
    net = compile(
        model(), Input((None, PLACES), "int"), backend=target.backend, dtype=target.dtype,
        device=target.device, natives=target.natives,
    )  # fmt: skip
    net.load_weights(start)
    half = len(tokens) // 2
    first = net.fit(training_of(row), (tokens[:half], targets[:half]))
    _take_out_and_in(net)
    second = net.fit(training_of(row), (tokens[half:], targets[half:]))
    found = Run(np.append(first.steps, second.steps), net.weights, _state(net))
    limit = bound("updates", target.dtype, row.name)
    return _outcome("updates", row, str(target), limit, found, oracle_updates(row))


def _state(net: Net) -> dict[str, Weights]:
    """What the optimizer carries, by path and slot."""
    fitting = net._fitting
    prepared = fitting.prepared
    assert prepared is not None
    with fitting.backend.precision(fitting.options):
        return prepared.state.optimizer()


def _take_out_and_in(net: Net) -> None:
    state, fitting = _state(net), net._fitting
    lost = {p: {slot: np.ones_like(v) for slot, v in own.items()} for p, own in state.items()}
    prepared = fitting.prepared
    assert prepared is not None
    with fitting.backend.precision(fitting.options):
        for given, step in ((lost, 1), (state, prepared.steps)):
            prepared.state.set_optimizer(given, step)


def _outcome(
    check: str, row: OptimizerRow, where: str, limit: float, found: Run, expected: Run
) -> Outcome:
    """The largest difference of losses, relative, of weights, and of what is carried."""
    errors = {path: scaled_error(found.weights[path], v) for path, v in expected.weights.items()}
    for path, own in expected.state.items():
        for slot, value in own.items():
            errors[f"{slot} of {path}"] = scaled_error(found.state[path][slot], value)
    same = found.losses.shape == expected.losses.shape
    ratio = found.losses / expected.losses - 1 if same else np.array(np.inf)
    errors["losses"] = float(np.max(np.abs(ratio)))
    error, name = worst(errors)
    return Outcome(check, row.name, where, error, limit, SCALE, name)
