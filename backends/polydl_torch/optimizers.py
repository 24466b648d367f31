"""torch.optim's optimizers that are equal to definitions: a table.

fused: one kernel for all parameters, where torch has it. Else foreach: an operation for all of them at
a time, which on a CPU too takes between half of the time and all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.optimizers.adadelta import Adadelta
from polydl.optimizers.adagrad import Adagrad
from polydl.optimizers.adam import Adam, AdamW
from polydl.optimizers.adamax import Adamax
from polydl.optimizers.nadam import NAdam
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.radam import RAdam
from polydl.optimizers.rmsprop import RMSprop
from polydl.optimizers.settings import Decaying
from polydl.optimizers.sgd import SGD
from polydl.training.native_optimizer import NativeOptimizer

_FUSED, _FOREACH = {"fused": "True"}, {"foreach": "True"}
_MOMENTS = {"first_moment": "exp_avg", "second_moment": "exp_avg_sq"}


def native_optimizer(optimizer: Optimizer) -> NativeOptimizer | None:
    """The one for an update rule, or None where torch has none that is equal."""
    make = OPTIMIZERS.get(type(optimizer))
    return make(optimizer) if make else None


def _decay(rule: Decaying) -> dict[str, str]:
    return {"weight_decay": repr(rule.weight_decay)} if rule.weight_decay else {}


def _decay_of_either_kind(rule: Decaying) -> dict[str, str]:
    decoupled = {"decoupled_weight_decay": "True"} if rule.decoupled else {}
    return {**_decay(rule), **decoupled}


def _is_decoupled(rule: Decaying) -> bool:
    return rule.decoupled and bool(rule.weight_decay)


def _betas(rule: Any) -> dict[str, str]:
    return {"betas": f"({rule.beta1!r}, {rule.beta2!r})", "eps": repr(rule.epsilon)}


def _sgd(rule: SGD) -> NativeOptimizer | None:
    if _is_decoupled(rule) and rule.momentum:
        return None
    settings = {"momentum": repr(rule.momentum)} if rule.momentum else {}
    if rule.dampening:
        settings["dampening"] = repr(rule.dampening)
    if rule.nesterov:
        settings["nesterov"] = "True"
    settings |= {**_decay(rule), **_FUSED}
    return NativeOptimizer("torch.optim.SGD", settings, {"velocity": "momentum_buffer"})


def _adam(rule: Adam) -> NativeOptimizer:
    settings = {**_betas(rule), **_decay(rule)}
    if type(rule) is AdamW:  # torch's is 0.01 by default
        settings["weight_decay"] = repr(rule.weight_decay)
    slots = dict(_MOMENTS)
    if rule.amsgrad:
        settings["amsgrad"] = "True"
        slots["largest_second_moment"] = "max_exp_avg_sq"
    name = f"torch.optim.{type(rule).__name__}"
    return NativeOptimizer(name, {**settings, **_FUSED}, slots)


def _nadam(rule: NAdam) -> NativeOptimizer:
    settings = {**_betas(rule), "momentum_decay": repr(rule.momentum_decay)}
    settings |= {**_decay_of_either_kind(rule), **_FOREACH}
    return NativeOptimizer(
        "torch.optim.NAdam", settings, {**_MOMENTS, "momentum_product": "mu_product"}
    )


def _radam(rule: RAdam) -> NativeOptimizer:
    settings = {**_betas(rule), **_decay_of_either_kind(rule), **_FOREACH}
    return NativeOptimizer("torch.optim.RAdam", settings, _MOMENTS)


def _adamax(rule: Adamax) -> NativeOptimizer | None:
    if _is_decoupled(rule):
        return None
    slots = {"first_moment": "exp_avg", "largest_gradient": "exp_inf"}
    return NativeOptimizer(
        "torch.optim.Adamax", {**_betas(rule), **_decay(rule), **_FOREACH}, slots
    )


def _rmsprop(rule: RMSprop) -> NativeOptimizer | None:
    if rule.epsilon_inside or _is_decoupled(rule):
        return None
    settings = {"alpha": repr(rule.rho), "eps": repr(rule.epsilon), **_decay(rule)}
    if rule.momentum:
        settings["momentum"] = repr(rule.momentum)
    if rule.centered:
        settings["centered"] = "True"
    slots = {
        "mean_square": "square_avg",
        "mean_gradient": "grad_avg",
        "velocity": "momentum_buffer",
    }
    return NativeOptimizer("torch.optim.RMSprop", {**settings, **_FOREACH}, slots)


def _adagrad(rule: Adagrad) -> NativeOptimizer | None:
    if rule.epsilon_inside or _is_decoupled(rule):
        return None
    settings = {"eps": repr(rule.epsilon), **_decay(rule)}
    if rule.initial_sum:
        settings["initial_accumulator_value"] = repr(rule.initial_sum)
    return NativeOptimizer("torch.optim.Adagrad", {**settings, **_FUSED}, {"sum_of_squares": "sum"})


def _adadelta(rule: Adadelta) -> NativeOptimizer | None:
    if _is_decoupled(rule):
        return None
    settings = {"rho": repr(rule.rho), "eps": repr(rule.epsilon), **_decay(rule), **_FOREACH}
    slots = {"mean_square": "square_avg", "mean_square_change": "acc_delta"}
    return NativeOptimizer("torch.optim.Adadelta", settings, slots)


OPTIMIZERS: dict[type, Callable[[Any], NativeOptimizer | None]] = {
    SGD: _sgd,
    Adam: _adam,
    AdamW: _adam,
    NAdam: _nadam,
    RAdam: _radam,
    Adamax: _adamax,
    RMSprop: _rmsprop,
    Adagrad: _adagrad,
    Adadelta: _adadelta,
}
REASONS = {
    "polydl:SGD@1": "torch.optim.SGD has no decoupled decay",
    "polydl:RMSprop@1": "torch.optim.RMSprop adds epsilon outside the root, and has no decoupled decay",
    "polydl:Adagrad@1": "torch.optim.Adagrad adds epsilon outside the root",
    "polydl:Adafactor@1": "torch.optim.Adafactor bounds moments from below instead of adding epsilon1",
    "polydl:Muon@1": "torch.optim.Muon iterates in bfloat16",
}
