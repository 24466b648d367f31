"""Mixed precision in Keras' text: a policy for the model, and the scale of a loss in float16.

The policy has layers cast their inputs and what they read of their variables; softmax computes in the
lower type, the norms' statistics in float32. keras.optimizers.LossScaleOptimizer would decide group by
group and clip inside; here one update is left out as a whole.
"""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts


def construction(parts: TrainingParts) -> list[str]:
    """Statements of Trainer.__init__."""
    if parts.scaling is None:
        return []
    return [
        f"self.scale = tf.Variable({parts.scaling.initial!r})",
        "self.good_steps = tf.Variable(0, dtype=tf.int64)",
    ]


def outputs_text(parts: TrainingParts, call: str) -> str:
    """The model's outputs, as the loss takes them."""
    if parts.precision is None:
        return call
    if parts.outputs is None:
        return f"tf.cast({call}, tf.float32)"
    return f"tf.nest.map_structure(lambda output: tf.cast(output, tf.float32), {call})"


def scaled_lines(parts: TrainingParts) -> list[str]:
    """What is differentiated besides the loss, on the tape."""
    return [f"{INDENT}scaled = self.scale * loss"] if parts.scaling else []


def unscaling(parts: TrainingParts) -> list[str]:
    if parts.scaling is None:
        return []
    return [
        "gradients = [g / self.scale for g in gradients]",
        "finite = [tf.reduce_all(tf.math.is_finite(g)) for g in gradients]",
        "finite = tf.reduce_all(finite)",
    ]


def updating(parts: TrainingParts, update: list[str]) -> list[str]:
    """The update, or the choice whether it is made."""
    if parts.scaling is None:
        return update
    rate = ", learning_rate" if parts.takes_rate else ""
    return [
        "# an update by gradients that are not finite is left out",
        f"tf.cond(finite, lambda: self.apply(gradients, variables{rate}), lambda: None)",
        "self.next_scale(finite)",
    ]


def methods(parts: TrainingParts, update: list[str]) -> list[str]:
    """Methods of Trainer: the update itself, and what follows for the scale."""
    scale = parts.scaling
    if scale is None:
        return []
    rate = ", learning_rate" if parts.takes_rate else ""
    return [
        f"def apply(self, gradients, variables{rate}):",
        *(INDENT + line for line in update),
        "",
        "def next_scale(self, finite):",
        '    """A smaller scale after a gradient that is not finite, a larger one after '
        f'{scale.growth_every} that are."""',
        "    good_steps = self.good_steps + 1",
        f"    grows, larger = good_steps == {scale.growth_every}, {scale.growth!r} * self.scale",
        "    grown = tf.where(grows & tf.math.is_finite(larger), larger, self.scale)",
        f"    self.scale.assign(tf.where(finite, grown, {scale.backoff!r} * self.scale))",
        "    self.good_steps.assign(tf.where(finite & ~grows, good_steps, 0))",
        "",
    ]
