"""torch.optim's optimizers that are equal to definitions: a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.optimizers.adam import Adam
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.sgd import SGD
from polydl.training.native_optimizer import NativeOptimizer


def native_optimizer(optimizer: Optimizer) -> NativeOptimizer | None:
    """The one for an update rule, or None where torch has none that is equal."""
    make = OPTIMIZERS.get(type(optimizer))
    return make(optimizer) if make else None


def _sgd(rule: SGD) -> NativeOptimizer | None:
    if rule.weight_decay or rule.dampening:
        return None
    settings = {"momentum": repr(rule.momentum)} if rule.momentum else {}
    if rule.nesterov:
        settings["nesterov"] = "True"
    settings["fused"] = "True"
    return NativeOptimizer("torch.optim.SGD", settings, {"velocity": "momentum_buffer"})


def _adam(rule: Adam) -> NativeOptimizer | None:
    if rule.weight_decay or rule.amsgrad:
        return None
    settings = {
        "betas": f"({rule.beta1!r}, {rule.beta2!r})",
        "eps": repr(rule.epsilon),
        "fused": "True",
    }
    slots = {"first_moment": "exp_avg", "second_moment": "exp_avg_sq"}
    return NativeOptimizer("torch.optim.Adam", settings, slots)


OPTIMIZERS: dict[type, Callable[[Any], NativeOptimizer | None]] = {SGD: _sgd, Adam: _adam}
