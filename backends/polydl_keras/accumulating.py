"""The emitted training step on TensorFlow where a batch is taken in parts."""

from __future__ import annotations

from collections.abc import Sequence

from polydl.emission.code import INDENT
from polydl.program.types import Program
from polydl.training.contributions import total
from polydl.training.emission import TrainingParts
from polydl.training.rule_groups import RuleGroup
from polydl_keras import mixed
from polydl_keras.averaging import moving_lines
from polydl_keras.noise_text import noise_lines
from polydl_keras.optimizer_text import trained_text, update_lines


def made(parts: TrainingParts, dtype: str, xla: bool) -> list[str]:
    """The sums of gradients, and the functions of a part and of an update, traced."""
    compiled = ", jit_compile=True" if xla else ""
    numbers = [f"tf.TensorSpec((), tf.{dtype})"] * len(parts.numbers)
    divisors = "".join(f", {name}" for name in parts.divisors)
    rate = ", ".join([*["step"] * bool(parts.noise), *numbers])
    return [
        "self.gradients = [tf.Variable(tf.zeros_like(v.value)) for v in self.trained()]",
        f"share = tf.TensorSpec((), tf.{dtype})",
        *(f"{name} = tf.TensorSpec((), tf.{dtype})" for name in parts.divisors),
        *(["step = tf.TensorSpec((), tf.int32)"] if parts.takes_step or parts.noise else []),
        f"accumulate = tf.function(self.accumulate, autograph=False{compiled})",
        f"self.train_part = accumulate.get_concrete_function(*batch, share{divisors}{_step(parts)})",
        f"update = tf.function(self.update, autograph=False{compiled})",
        f"self.train_update = update.get_concrete_function({rate})",
    ]


def step(parts: TrainingParts, program: Program, groups: Sequence[RuleGroup]) -> list[str]:
    """Methods: the variables, a part, the update, and all of them in turn."""
    from polydl_keras.tensorflow_step import brought, clip, densify, forward

    arrays, size = parts.arrays, parts.micro_batch
    rate = "".join(f", {name}" for name in parts.numbers)
    given = f", step{rate}" if parts.noise else rate
    batches = ", ".join(f"{name}[batch]" for name in arrays)
    turns = f"range(0, len({arrays[-1]}), {size})"
    number = f", {parts.training.accumulate} * step + part" if parts.takes_step else ""
    scale, share = "self.scale * " * bool(parts.scaling), "share * " * (not parts.uneven)
    divisors = "".join(f", {name}" for name in parts.divisors)
    part = [
        "variables = self.trained()",
        *forward(parts, program, in_part=True),
        *([f"    part = {scale}{share}loss"] if scale or share else []),
        f"gradients = tape.gradient({'part' if scale or share else 'loss'}, "
        "[v.value for v in variables])",
        *densify(program),
        "for total, gradient in zip(self.gradients, gradients):",
        "    total.assign_add(gradient)",
        f"return {', '.join(brought(parts.metrics, *parts.part_scores))}",
    ]
    update = [
        "variables = self.trained()",
        "gradients = [tf.identity(total) for total in self.gradients]",
        *mixed.unscaling(parts),
        *noise_lines(parts),
        *clip(parts),
        *mixed.updating(parts, update_lines(parts, groups)),
        *moving_lines(parts),
        "for total in self.gradients:",
        "    total.assign(tf.zeros_like(total))",
    ]
    whole = [
        "results = []",
        *(f"{name} = {text}" for name, text in parts.divisors.items()),
        f"for part, start in enumerate({turns}):" if parts.takes_step else f"for start in {turns}:",
        f"    batch = slice(start, start + {size})",
        f"    share = len({arrays[-1]}[batch]) / len({arrays[-1]})",
        f"    results.append(self.train_part({batches}, share{divisors}{number}))",
        f"self.train_update({given[2:]})",
        *total(parts.metrics, "tf.add_n({})", "tf.concat({}, 0)"),
    ]
    return [
        "def trained(self):",
        f"    return {trained_text(parts, groups)}",
        "",
        f"def accumulate(self, {', '.join(arrays)}, share{divisors}{_step(parts)}):",
        *(INDENT + line for line in part),
        "",
        f"def update(self{given}):",
        *(INDENT + line for line in update),
        "",
        *mixed.methods(parts, update_lines(parts, groups)),
        f"def train_step(self, {', '.join(arrays)}, step{rate}):",
        *(INDENT + line for line in whole),
        "",
    ]


def _step(parts: TrainingParts) -> str:
    """The number of a part as an argument, where the model draws by it."""
    return ", step" if parts.takes_step else ""
