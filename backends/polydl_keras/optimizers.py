"""Keras' optimizers that are equal to definitions: a table. Those of TensorFlow's kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.optimizers.adam import Adam
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.sgd import SGD
from polydl.training.native_optimizer import NativeOptimizer
from polydl_keras.engine import on_tensorflow

CLASSES = frozenset({"Adam", "SGD", "Trained"})  # that stand in the emitted text

_ADAM = '''class Adam(keras.optimizers.Adam):
    """Adam with epsilon added to the corrected root, as in the paper, torch and optax.

    TensorFlow's kernel adds it to the uncorrected root: it takes epsilon times the correction.
    """

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
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

_SGD = '''class SGD(keras.optimizers.SGD):
    """Momentum of gradients, which each step's learning rate multiplies (torch, optax)."""

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.momentums[self._get_variable_index(variable)]
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=velocity.value.handle,
            lr=learning_rate,
            grad=gradient,
            momentum=self.momentum,
            use_nesterov=self.nesterov,
        )'''


def native_optimizer(optimizer: Optimizer) -> NativeOptimizer | None:
    """The one for an update rule, or None: then the definition is emitted.

    With TensorFlow's kernels, which update a weight and its moments in one pass over memory.
    """
    make = OPTIMIZERS.get(type(optimizer)) if on_tensorflow() else None
    return make(optimizer) if make else None


def _sgd(rule: SGD) -> NativeOptimizer | None:
    if rule.weight_decay or rule.dampening:
        return None
    if not rule.momentum:
        return NativeOptimizer("keras.optimizers.SGD")
    settings = {"momentum": repr(rule.momentum), "nesterov": repr(rule.nesterov)}
    return NativeOptimizer("SGD", settings, {"velocity": "momentums"}, _SGD)


def _adam(rule: Adam) -> NativeOptimizer | None:
    if rule.weight_decay or rule.amsgrad:
        return None
    settings = {
        "beta_1": repr(rule.beta1),
        "beta_2": repr(rule.beta2),
        "epsilon": repr(rule.epsilon),
    }
    slots = {"first_moment": "_momentums", "second_moment": "_velocities"}
    return NativeOptimizer("Adam", settings, slots, _ADAM)


OPTIMIZERS: dict[type, Callable[[Any], NativeOptimizer | None]] = {SGD: _sgd, Adam: _adam}
