"""Keras' optimizers that are equal to definitions: a table.

On TensorFlow, whose kernels update a weight and its moments in one pass over memory. Keras makes
float32 of many of its constants (betas, decay) on their way to float64: those are no natives, or they
are passed on as Python's numbers by a class of a few lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polydl.optimizers.adadelta import Adadelta
from polydl.optimizers.adagrad import Adagrad
from polydl.optimizers.adam import Adam, AdamW
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.rmsprop import RMSprop
from polydl.optimizers.settings import Decaying
from polydl.optimizers.sgd import SGD
from polydl.training.native_optimizer import NativeOptimizer
from polydl_keras.engine import on_tensorflow

# that stand in the emitted text, with a function
CLASSES = frozenset({"each_row", "Adam", "AdamW", "AdamWithL2", "SGD", "SGDWithL2", "Trained"})

_ADAM = '''class {name}(keras.optimizers.Adam):
    """{title} with epsilon added to the corrected root, as in the paper, torch and optax.

    TensorFlow's kernel adds it to the uncorrected root: it takes epsilon times the correction.
    """
{init}
    def update_step(self, gradient, variable, learning_rate):
{decay}        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        beta2_power = self.beta_2**step
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=beta2_power,
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon * tf.sqrt(1.0 - beta2_power),
            grad=gradient,
        )'''

_SGD = '''class {name}(keras.optimizers.SGD):
    """{title}"""
{init}
    def update_step(self, gradient, variable, learning_rate):
{decay}{kernel}'''

_MOMENTUM = """        velocity = self.momentums[self._get_variable_index(variable)]
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=velocity.value.handle,
            lr=learning_rate,
            grad=gradient,
            momentum=self.momentum,
            use_nesterov=self.nesterov,
        )"""

_INIT = """
    def __init__(self, decay, **settings):
        super().__init__(**settings)
        self.decay = decay
"""
_L2 = "        gradient = gradient + self.decay * variable\n"
_DECOUPLED = """        if self.decay:
            variable.assign(variable * (1.0 - self.decay * learning_rate))
"""


def native_optimizer(optimizer: Optimizer) -> NativeOptimizer | None:
    """The one for an update rule, or None: then the definition is emitted."""
    make = OPTIMIZERS.get(type(optimizer)) if on_tensorflow() else None
    return make(optimizer) if make else None


def _decay(rule: Decaying) -> dict[str, str]:
    return {"decay": repr(rule.weight_decay)} if rule.weight_decay else {}


def _sgd(rule: SGD) -> NativeOptimizer | None:
    decays = bool(rule.weight_decay)
    if rule.dampening or (decays and (rule.decoupled or not rule.momentum)):
        return None
    if not rule.momentum:
        return NativeOptimizer("keras.optimizers.SGD")
    name, title = (
        "SGD",
        "Momentum of gradients, which each step's learning rate multiplies (torch, optax).",
    )
    if decays:
        name = "SGDWithL2"
        title = "Momentum of gradients with a penalty's, times each step's learning rate (torch)."
    given = {"init": _INIT if decays else "", "decay": _L2 if decays else ""}
    support = _SGD.format(name=name, title=title, kernel=_MOMENTUM, **given)
    settings = {"momentum": repr(rule.momentum), "nesterov": repr(rule.nesterov), **_decay(rule)}
    return NativeOptimizer(name, settings, {"velocity": "momentums"}, support)


def _adam(rule: Adam) -> NativeOptimizer | None:
    if rule.amsgrad:
        return None
    name, title, decay = "Adam", "Adam", ""
    if rule.decoupled:
        name, title, decay = "AdamW", "AdamW", _DECOUPLED
    elif rule.weight_decay:
        name, title, decay = "AdamWithL2", "Adam, the penalty with it,", _L2
    support = _ADAM.format(name=name, title=title, init=_INIT if decay else "", decay=decay)
    settings = {
        "beta_1": repr(rule.beta1),
        "beta_2": repr(rule.beta2),
        "epsilon": repr(rule.epsilon),
        **({"decay": repr(rule.weight_decay)} if decay else {}),
    }
    slots = {"first_moment": "_momentums", "second_moment": "_velocities"}
    return NativeOptimizer(name, settings, slots, support)


def _rmsprop(rule: RMSprop) -> NativeOptimizer | None:
    if rule.weight_decay or rule.momentum or not rule.epsilon_inside:
        return None
    settings = {"rho": repr(rule.rho), "epsilon": repr(rule.epsilon)}
    if rule.centered:
        settings["centered"] = "True"
    slots = {"mean_square": "_velocities", "mean_gradient": "_average_gradients"}
    return NativeOptimizer("keras.optimizers.RMSprop", settings, slots)


def _adagrad(rule: Adagrad) -> NativeOptimizer | None:
    if rule.weight_decay or not rule.epsilon_inside:
        return None
    if float(np.float32(rule.initial_sum)) != rule.initial_sum:
        return None
    settings = {
        "initial_accumulator_value": repr(rule.initial_sum),
        "epsilon": repr(rule.epsilon),
    }
    return NativeOptimizer(
        "keras.optimizers.Adagrad", settings, {"sum_of_squares": "_accumulators"}
    )


def _adadelta(rule: Adadelta) -> NativeOptimizer | None:
    if rule.weight_decay:
        return None
    settings = {"rho": repr(rule.rho), "epsilon": repr(rule.epsilon)}
    slots = {"mean_square": "_accumulated_grads", "mean_square_change": "_accumulated_delta_vars"}
    return NativeOptimizer("keras.optimizers.Adadelta", settings, slots)


OPTIMIZERS: dict[type, Callable[[Any], NativeOptimizer | None]] = {
    SGD: _sgd,
    Adam: _adam,
    AdamW: _adam,
    RMSprop: _rmsprop,
    Adagrad: _adagrad,
    Adadelta: _adadelta,
}
_ROUNDED = "makes float32 of its betas on their way to float64"
REASONS = {
    "polydl:NAdam@1": f"keras.optimizers.Nadam {_ROUNDED}",
    "polydl:Adamax@1": f"keras.optimizers.Adamax {_ROUNDED}, and adds epsilon in the quotient",
    "polydl:Lion@1": f"keras.optimizers.Lion {_ROUNDED}",
    "polydl:LAMB@1": f"keras.optimizers.Lamb {_ROUNDED}, and its decay is no part of the direction",
    "polydl:RMSprop@1": "keras.optimizers.RMSprop has epsilon inside the root, the rate inside the "
    "momentum",
    "polydl:Adagrad@1": "keras.optimizers.Adagrad has epsilon inside the root",
    "polydl:Adadelta@1": "keras.optimizers' weight_decay is decoupled, and becomes float32 first",
    "polydl:Adafactor@1": "keras.optimizers.Adafactor multiplies its moments first, which underflows "
    "in float32",
    "polydl:Muon@1": "keras.optimizers.Muon has no adjustment by shape, and its AdamW another epsilon",
}
