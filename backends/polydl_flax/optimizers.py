"""optax's optimizers that are equal to definitions: a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.optimizers.adadelta import Adadelta
from polydl.optimizers.adagrad import Adagrad
from polydl.optimizers.adam import Adam, AdamW
from polydl.optimizers.adamax import Adamax
from polydl.optimizers.lamb import LAMB
from polydl.optimizers.lion import Lion
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.rmsprop import RMSprop
from polydl.optimizers.settings import Decaying
from polydl.optimizers.sgd import SGD
from polydl.training.native_optimizer import NativeOptimizer

_MOMENTS = {"first_moment": "mu", "second_moment": "nu"}


def native_optimizer(optimizer: Optimizer) -> NativeOptimizer | None:
    """The one for an update rule, or None where optax has none that is equal."""
    make = OPTIMIZERS.get(type(optimizer))
    return make(optimizer) if make else None


def _decay(rule: Decaying) -> tuple[str, ...]:
    """The transformation that adds weight_decay times the weights."""
    return (f"optax.add_decayed_weights({rule.weight_decay!r})",) if rule.weight_decay else ()


def _scaled(slots: dict[str, str], *before: str) -> NativeOptimizer:
    """A chain that ends with the learning rate."""
    shown = before[0].partition("(")[0]
    return NativeOptimizer("optax.scale_by_learning_rate", {}, slots, before=before, shown=shown)


def _betas(rule: Any) -> dict[str, str]:
    return {"b1": repr(rule.beta1), "b2": repr(rule.beta2), "eps": repr(rule.epsilon)}


def _sgd(rule: SGD) -> NativeOptimizer | None:
    slots = {"velocity": "trace"}
    if rule.dampening:
        return None
    if rule.decoupled and rule.weight_decay and rule.momentum:
        trace = f"optax.trace(decay={rule.momentum!r}, nesterov={rule.nesterov})"
        return _scaled(slots, trace, *_decay(rule))
    settings = {}
    if rule.momentum:
        settings = {"momentum": repr(rule.momentum), "nesterov": repr(rule.nesterov)}
    return NativeOptimizer("optax.sgd", settings, slots, before=_decay(rule))


def _adam(rule: Adam) -> NativeOptimizer | None:
    if rule.amsgrad:
        return None
    return NativeOptimizer("optax.adam", _betas(rule), _MOMENTS, before=_decay(rule))


def _adamw(rule: AdamW) -> NativeOptimizer | None:
    if rule.amsgrad:
        return None
    settings = {**_betas(rule), "weight_decay": repr(rule.weight_decay)}
    return NativeOptimizer("optax.adamw", settings, _MOMENTS)


def _adamax(rule: Adamax) -> NativeOptimizer:
    slots = {"first_moment": "mu", "largest_gradient": "nu"}
    if rule.decoupled and rule.weight_decay:
        settings = ", ".join(f"{name}={text}" for name, text in _betas(rule).items())
        return _scaled(slots, f"optax.scale_by_adamax({settings})", *_decay(rule))
    return NativeOptimizer("optax.adamax", _betas(rule), slots, before=_decay(rule))


def _rmsprop(rule: RMSprop) -> NativeOptimizer:
    """optax.rmsprop puts the learning rate before the momentum, which is no part of it here."""
    slots = {"mean_square": "nu", "mean_gradient": "mu", "velocity": "trace"}
    settings = {
        "decay": repr(rule.rho),
        "eps": repr(rule.epsilon),
        "eps_in_sqrt": repr(rule.epsilon_inside),
    }
    decoupled = rule.decoupled and rule.weight_decay
    if not rule.momentum and not decoupled:
        settings |= {"centered": "True"} if rule.centered else {}
        return NativeOptimizer("optax.rmsprop", settings, slots, before=_decay(rule))
    name = "optax.scale_by_stddev" if rule.centered else "optax.scale_by_rms"
    chain = [f"{name}({', '.join(f'{n}={text}' for n, text in settings.items())})"]
    chain += [f"optax.trace(decay={rule.momentum!r})"] if rule.momentum else []
    chain = [*chain, *_decay(rule)] if decoupled else [*_decay(rule), *chain]
    return _scaled(slots, *chain)


def _adagrad(rule: Adagrad) -> NativeOptimizer | None:
    if not rule.epsilon_inside:
        return None
    slots = {"sum_of_squares": "sum_of_squares"}
    settings = {"initial_accumulator_value": repr(rule.initial_sum), "eps": repr(rule.epsilon)}
    if rule.decoupled and rule.weight_decay:
        inner = ", ".join(f"{name}={text}" for name, text in settings.items())
        return _scaled(slots, f"optax.scale_by_rss({inner})", *_decay(rule))
    return NativeOptimizer("optax.adagrad", settings, slots, before=_decay(rule))


def _adadelta(rule: Adadelta) -> NativeOptimizer:
    slots = {"mean_square": "e_g", "mean_square_change": "e_x"}
    settings = {"rho": repr(rule.rho), "eps": repr(rule.epsilon)}
    if rule.decoupled and rule.weight_decay:
        inner = ", ".join(f"{name}={text}" for name, text in settings.items())
        return _scaled(slots, f"optax.scale_by_adadelta({inner})", *_decay(rule))
    return NativeOptimizer("optax.adadelta", settings, slots, before=_decay(rule))


def _lion(rule: Lion) -> NativeOptimizer:
    settings = {"b1": repr(rule.beta1), "b2": repr(rule.beta2)}
    settings["weight_decay"] = repr(rule.weight_decay)
    return NativeOptimizer("optax.lion", settings, {"first_moment": "mu"})


def _lamb(rule: LAMB) -> NativeOptimizer:
    settings = {**_betas(rule), "weight_decay": repr(rule.weight_decay)}
    return NativeOptimizer("optax.lamb", settings, _MOMENTS)


OPTIMIZERS: dict[type, Callable[[Any], NativeOptimizer | None]] = {
    SGD: _sgd,
    Adam: _adam,
    AdamW: _adamw,
    Adamax: _adamax,
    RMSprop: _rmsprop,
    Adagrad: _adagrad,
    Adadelta: _adadelta,
    Lion: _lion,
    LAMB: _lamb,
}
REASONS = {
    "polydl:SGD@1": "optax.trace has no dampening",
    "polydl:Adam@1": "optax.amsgrad corrects the bias before it takes the largest",
    "polydl:AdamW@1": "optax.amsgrad corrects the bias before it takes the largest",
    "polydl:NAdam@1": "optax.nadam's momentum does not grow with the step",
    "polydl:RAdam@1": "optax.radam adds epsilon to the corrected root",
    "polydl:Adagrad@1": "optax.adagrad adds epsilon inside the root",
    "polydl:Adafactor@1": "optax.adafactor has the step in float32, and no bound 1 / sqrt(t)",
    "polydl:Muon@1": "optax.contrib.muon corrects the momentum's bias",
}
