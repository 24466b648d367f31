"""The definitions of optimizers against the frameworks' own, where a docstring says that they agree.

The same gradients in float64, rows of zeros among them, with a rate that falls on the way. It is the
definitions that are checked here; what is emitted has rows of its own.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.reference.optimizers import initial_slots, update

STEPS, CHANGE = 40, 20
RNG = np.random.default_rng(0)
START = {"kernel": RNG.standard_normal((5, 3)), "bias": RNG.standard_normal(3)}
AIMS = {path: RNG.standard_normal(value.shape) for path, value in START.items()}
NOISE = [{p: 0.3 * RNG.standard_normal(v.shape) for p, v in START.items()} for _ in range(STEPS)]


@dataclass
class Falling(dl.Schedule):
    rate: float

    def __call__(self, step):
        return ops.where(step < CHANGE, self.rate, 0.1 * self.rate)


def rate_of(rate: float, step: int) -> float:
    return rate if step < CHANGE else 0.1 * rate


def gradients(values: dict[str, Any], step: int) -> dict[str, Any]:
    found = {p: np.asarray(v) - AIMS[p] + NOISE[step][p] for p, v in values.items()}
    found["kernel"][2] = 0.0
    if step % 3:
        found["kernel"][4] = 0.0
    return found


def defined(optimizer: Any, rate: float) -> dict[str, Any]:
    rule, values = optimizer(Falling(rate)), dict(START)
    slots = initial_slots(rule, values)
    for step in range(STEPS):
        values, slots = update(rule, values, gradients(values, step), slots, step + 1)
    return values


def of_torch(make: Any, rate: float) -> dict[str, Any]:
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # NAdam's product of momenta is of this dtype
    try:
        values = {p: torch.tensor(v, requires_grad=True) for p, v in START.items()}
        optimizer = make(torch.optim, list(values.values()), rate)
        for step in range(STEPS):
            found = gradients({p: v.detach().numpy() for p, v in values.items()}, step)
            for path, value in values.items():
                value.grad = torch.tensor(found[path])
            for group in optimizer.param_groups:
                group["lr"] = rate_of(rate, step)
            optimizer.step()
    finally:
        torch.set_default_dtype(before)
    return {path: value.detach().numpy() for path, value in values.items()}


def of_optax(make: Any, rate: float) -> dict[str, Any]:
    optax = pytest.importorskip("optax")
    import jax

    with jax.enable_x64(True):
        optimizer = make(optax, lambda step: jax.numpy.where(step < CHANGE, rate, 0.1 * rate))
        values = jax.tree.map(jax.numpy.asarray, START)
        state = optimizer.init(values)
        move = jax.jit(optimizer.update)
        for step in range(STEPS):
            changes, state = move(gradients(values, step), state, values)
            values = optax.apply_updates(values, changes)
        return {path: np.asarray(value) for path, value in values.items()}


def of_keras(make: Any, rate: float) -> dict[str, Any]:
    keras = pytest.importorskip("keras")
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        values = {p: keras.Variable(v, dtype="float64", name=p) for p, v in START.items()}
        optimizer = make(keras.optimizers, rate)
        optimizer.build(list(values.values()))
        for step in range(STEPS):
            found = gradients({p: keras.ops.convert_to_numpy(v) for p, v in values.items()}, step)
            optimizer.learning_rate.assign(rate_of(rate, step))
            given = [keras.ops.convert_to_tensor(found[path], "float64") for path in values]
            optimizer.apply(given, list(values.values()))
        return {path: keras.ops.convert_to_numpy(value) for path, value in values.items()}
    finally:
        keras.config.set_floatx(before)


def decayed(decay: float, make: Any) -> Any:
    """optax' coupled weight decay."""
    return lambda optax, rate: optax.chain(optax.add_decayed_weights(decay), make(optax, rate))


CASES = {
    "sgd": (
        lambda r: dl.SGD(r, 0.9, nesterov=True, weight_decay=0.1), 0.1,
        lambda t, p, r: t.SGD(p, r, momentum=0.9, nesterov=True, weight_decay=0.1),
        decayed(0.1, lambda o, r: o.sgd(r, 0.9, nesterov=True)), None,
    ),
    "sgd, dampening": (
        lambda r: dl.SGD(r, 0.9, dampening=0.3), 0.1,
        lambda t, p, r: t.SGD(p, r, momentum=0.9, dampening=0.3), None, None,
    ),
    "sgd, decoupled": (
        lambda r: dl.SGD(r, weight_decay=0.1, decoupled=True), 0.1, None, None,
        lambda k, r: k.SGD(r, weight_decay=0.1),
    ),
    "adam": (
        lambda r: dl.Adam(r, weight_decay=0.1), 0.1,
        lambda t, p, r: t.Adam(p, r, weight_decay=0.1), decayed(0.1, lambda o, r: o.adam(r)), None,
    ),
    "amsgrad": (
        lambda r: dl.Adam(r, amsgrad=True, epsilon=1e-14), 0.1,
        lambda t, p, r: t.Adam(p, r, eps=1e-14, amsgrad=True), None,
        lambda k, r: k.Adam(r, epsilon=1e-14, amsgrad=True),
    ),
    "adamw": (
        lambda r: dl.AdamW(r, epsilon=1e-14), 0.1, lambda t, p, r: t.AdamW(p, r, eps=1e-14),
        lambda o, r: o.adamw(r, eps=1e-14, weight_decay=0.01),
        lambda k, r: k.AdamW(r, epsilon=1e-14, weight_decay=0.01),
    ),
    "nadam": (
        lambda r: dl.NAdam(r, weight_decay=0.1), 0.1,
        lambda t, p, r: t.NAdam(p, r, weight_decay=0.1), None, None,
    ),
    "nadam, decoupled": (
        lambda r: dl.NAdam(r, momentum_decay=1.0, weight_decay=0.1, decoupled=True), 0.1,
        lambda t, p, r: t.NAdam(
            p, r, momentum_decay=1.0, weight_decay=0.1, decoupled_weight_decay=True
        ), None, lambda k, r: k.Nadam(r, epsilon=1e-8, weight_decay=0.1),
    ),
    "radam": (
        lambda r: dl.RAdam(r, weight_decay=0.1, decoupled=True), 0.1,
        lambda t, p, r: t.RAdam(p, r, weight_decay=0.1, decoupled_weight_decay=True), None, None,
    ),
    "adamax": (
        lambda r: dl.Adamax(r, weight_decay=0.1), 0.1,
        lambda t, p, r: t.Adamax(p, r, weight_decay=0.1), decayed(0.1, lambda o, r: o.adamax(r)), None,
    ),
    "rmsprop": (
        lambda r: dl.RMSprop(r, momentum=0.8, centered=True, weight_decay=0.1), 0.02,
        lambda t, p, r: t.RMSprop(p, r, momentum=0.8, centered=True, weight_decay=0.1), None, None,
    ),
    "rmsprop, inside": (
        lambda r: dl.RMSprop(r, centered=True, epsilon_inside=True), 0.02, None,
        lambda o, r: o.rmsprop(r, 0.99, centered=True),
        lambda k, r: k.RMSprop(r, 0.99, epsilon=1e-8, centered=True),
    ),
    "adagrad": (
        lambda r: dl.Adagrad(r, weight_decay=0.1), 0.5,
        lambda t, p, r: t.Adagrad(p, r, weight_decay=0.1), None, None,
    ),
    "adagrad, inside": (
        lambda r: dl.Adagrad(r, 1e-7, 0.1, epsilon_inside=True), 0.5, None,
        lambda o, r: o.adagrad(r), lambda k, r: k.Adagrad(r),
    ),
    "adadelta": (
        lambda r: dl.Adadelta(r), 1.0, lambda t, p, r: t.Adadelta(p, r),
        lambda o, r: o.adadelta(r), lambda k, r: k.Adadelta(r, 0.9, 1e-6),
    ),
    "lion": (
        lambda r: dl.Lion(r, weight_decay=0.1), 0.01, None,
        lambda o, r: o.lion(r, weight_decay=0.1), lambda k, r: k.Lion(r, 0.9, 0.99, weight_decay=0.1),
    ),
    "lamb": (
        lambda r: dl.LAMB(r), 0.01, None, lambda o, r: o.lamb(r),
        lambda k, r: k.Lamb(r, epsilon=1e-6),
    ),
    "lamb, decay": (
        lambda r: dl.LAMB(r, weight_decay=0.1), 0.01, None,
        lambda o, r: o.lamb(r, weight_decay=0.1), None,
    ),
    "adafactor": (
        lambda r: dl.Adafactor(r, weight_decay=0.1), 0.1, None, None,
        lambda k, r: k.Adafactor(r, weight_decay=0.1),
    ),
    "adafactor, no decay": (
        lambda r: dl.Adafactor(r), 0.1, lambda t, p, r: t.Adafactor(p, r), None,
        lambda k, r: k.Adafactor(r),
    ),
    "muon": (
        lambda r: dl.Muon(r, adjustment="match_rms_adamw", adamw_beta2=0.999, adamw_epsilon=1e-14),
        0.02, None, None,
        lambda k, r: k.Muon(r, epsilon=1e-14, weight_decay=None, adam_weight_decay=None),
    ),
}  # fmt: skip
FRAMEWORKS = {"torch": of_torch, "optax": of_optax, "keras": of_keras}
# Keras makes float32 of its betas, decays and first accumulators before it makes float64 of them
BOUNDS = {"torch": 1e-13, "optax": 1e-13, "keras": 1e-5}


@pytest.mark.parametrize("name", CASES)
def test_a_definition_is_the_frameworks_own(name):
    optimizer, rate, *makes = CASES[name]
    expected = defined(optimizer, rate)
    for (framework, run), make in zip(FRAMEWORKS.items(), makes, strict=True):
        if make is None:
            continue
        found = run(make, rate)
        error = max(float(np.abs(found[path] - expected[path]).max()) for path in expected)
        assert error < BOUNDS[framework], (framework, error)
    assert not all(math.isclose(expected[p].flat[0], START[p].flat[0]) for p in expected)


def test_adafactor_of_torch_takes_the_size_of_weights_before_their_decay():
    class Before(dl.Adafactor):
        def update(self, parameter, gradient, step, *slots):
            undecayed = copy.copy(self)
            undecayed.weight_decay = 0.0
            moved, *after = dl.Adafactor.update(undecayed, parameter, gradient, step, *slots)
            return moved - self.learning_rate * self.weight_decay * parameter, *after

    found = of_torch(lambda t, p, r: t.Adafactor(p, r, weight_decay=0.5), 0.1)
    before = defined(lambda r: Before(r, weight_decay=0.5), 0.1)
    after = defined(lambda r: dl.Adafactor(r, weight_decay=0.5), 0.1)
    for path, value in found.items():
        assert np.abs(value - before[path]).max() < 1e-13
        assert np.abs(value - after[path]).max() > 1e-3
