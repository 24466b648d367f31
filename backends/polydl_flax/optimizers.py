"""optax's optimizers that are equal to definitions: a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.optimizers.adam import Adam
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.sgd import SGD
from polydl.training.native_optimizer import NativeOptimizer


def native_optimizer(optimizer: Optimizer) -> NativeOptimizer | None:
    """The one for an update rule, or None where optax has none that is equal."""
    make = OPTIMIZERS.get(type(optimizer))
    return make(optimizer) if make else None


def _sgd(rule: SGD) -> NativeOptimizer | None:
    if rule.weight_decay or rule.dampening:
        return None
    settings = {}
    if rule.momentum:
        settings = {"momentum": repr(rule.momentum), "nesterov": repr(rule.nesterov)}
    return NativeOptimizer("optax.sgd", settings, {"velocity": "trace"})


def _adam(rule: Adam) -> NativeOptimizer | None:
    if rule.weight_decay or rule.amsgrad:
        return None
    settings = {"b1": repr(rule.beta1), "b2": repr(rule.beta2), "eps": repr(rule.epsilon)}
    return NativeOptimizer("optax.adam", settings, {"first_moment": "mu", "second_moment": "nu"})


OPTIMIZERS: dict[type, Callable[[Any], NativeOptimizer | None]] = {SGD: _sgd, Adam: _adam}
