"""The emitted Trainer: which kind of step for the engine under Keras."""

from __future__ import annotations

from polydl.errors import BackendError
from polydl.program.types import Program
from polydl.training.emission import TrainingParts
from polydl.training.rule_groups import RuleGroup, rule_groups
from polydl_keras.compiled_step import compiled_step
from polydl_keras.engine import ENGINE, on_tensorflow
from polydl_keras.optimizer_text import constructor, support_lines
from polydl_keras.optimizers import native_optimizer
from polydl_keras.step_plan import StepPlan
from polydl_keras.tensorflow_step import tensorflow_step


def trainer_lines(parts: TrainingParts, program: Program, dtype: str, plan: StepPlan) -> list[str]:
    """class Trainer, after the optimizers' classes where Keras has none that are equal."""
    groups = rule_groups(parts, native_optimizer)
    before = support_lines(parts, groups)
    if on_tensorflow():
        return [*before, *tensorflow_step(parts, program, dtype, groups, plan)]
    _check_engine(parts, groups)
    return [*before, *compiled_step(parts, program, constructor(parts, groups[0]))]


def _check_engine(parts: TrainingParts, groups: list[RuleGroup]) -> None:
    """What Keras' own train_on_batch cannot do."""
    training = parts.training
    asked = {
        "accumulate": training.accumulate > 1,
        "clip_norm": training.clip_norm is not None,
        f"precision={training.precision!r}": training.precision is not None,
        "clip_value": training.clip_value is not None,
        "averages of weights": training.average is not None,
        "noise on gradients": training.gradient_noise is not None,
        "penalties": bool(training.penalties),
        "groups of parameters, or weight decay of some only": len(groups) > 1 or parts.frozen,
    }
    for what, is_asked in asked.items():
        if is_asked:
            raise BackendError(
                f"Keras on {ENGINE} trains without {what} here; use it on tensorflow"
            )
