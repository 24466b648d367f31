"""The emitted Trainer: which optimizer, and which kind of step for the engine under Keras."""

from __future__ import annotations

from polydl.optimizers.adam import Adam
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.sgd import SGD
from polydl.program.types import Program
from polydl.training.emission import TrainingParts
from polydl_keras.compiled_step import compiled_step
from polydl_keras.engine import on_tensorflow
from polydl_keras.step_plan import StepPlan
from polydl_keras.tensorflow_step import tensorflow_step
from polydl_keras.update_rule import update_rule

OPTIMIZERS = frozenset({"Adam", "SGD", "Trained"})  # classes that stand in the emitted text

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


def native_optimizer(optimizer: Optimizer) -> tuple[str, str] | None:
    """The constructor for an update rule and its class, or None: then the definition is emitted.

    With TensorFlow's kernels, which update a weight and its moments in one pass over memory.
    """
    if not on_tensorflow():
        return None
    if type(optimizer) is SGD:
        rate = f"learning_rate={optimizer.learning_rate!r}"
        if not optimizer.momentum:
            return f"keras.optimizers.SGD({rate})", ""
        nesterov = f"nesterov={optimizer.nesterov}"
        return f"SGD({rate}, momentum={optimizer.momentum!r}, {nesterov})", _SGD
    if type(optimizer) is Adam:
        return (
            f"Adam(learning_rate={optimizer.learning_rate!r}, beta_1={optimizer.beta1!r}, "
            f"beta_2={optimizer.beta2!r}, epsilon={optimizer.epsilon!r})"
        ), _ADAM
    return None


def trainer_lines(
    parts: TrainingParts, program: Program, dtype: str, natives: bool, plan: StepPlan
) -> list[str]:
    """class Trainer, after the optimizer's class where Keras has none that is equal."""
    native = native_optimizer(parts.optimizer) if natives else None
    construct, text = native or ("UpdateRule()", "\n".join(update_rule(parts)))
    before = [*text.split("\n"), "", ""] if text else []
    if on_tensorflow():
        return [*before, *tensorflow_step(parts, program, dtype, construct, plan)]
    return [*before, *compiled_step(parts, program, construct)]
