"""The emitted training step on TensorFlow.

A tf.function, traced once for batches of any size; calling its concrete function leaves out a third
of TensorFlow's dispatch.
"""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.program.sizes import Shape, Size
from polydl.program.types import Program
from polydl.training.emission import TrainingParts
from polydl_keras.functional import nested
from polydl_keras.step_plan import StepPlan


def tensorflow_step(
    parts: TrainingParts, program: Program, dtype: str, optimizer: str, plan: StepPlan
) -> list[str]:
    """class Trainer. optimizer: the text that makes it."""
    arrays = ", ".join(parts.arrays)
    called = f"self.model({model_inputs(parts, program)}"
    compiled = ", jit_compile=True" if plan.xla else ""
    scores = f"        return {_scores(parts)}"
    method = "updates" if plan.several else "update"
    return [
        "class Trainer:",
        '    """Training and evaluation of one batch, with the optimizer\'s state."""',
        "",
        *([f"    steps_per_execution = {plan.steps}", ""] if plan.several else []),
        "    def __init__(self, model):",
        "        self.model = model",
        f"        self.optimizer = {optimizer}",
        "        self.optimizer.build(model.trainable_variables)",
        *_batch(program, parts, dtype),
        "        step = tf.TensorSpec((), tf.int32)",
        f"        update = tf.function(self.{method}, autograph=False{compiled})",
        *(
            [
                "        batches = [tf.TensorSpec((None, *x.shape), x.dtype) for x in batch]",
                "        self.train_steps = update.get_concrete_function(*batches, step)",
            ]
            if plan.several
            else ["        self.train_step = update.get_concrete_function(*batch, step)"]
        ),
        "        self.evaluate_step = tf.function(self.score, batch, autograph=False)",
        "",
        "    def start(self):",
        '        """Nothing to prepare: the step works on the model\'s own variables."""',
        "",
        "    def finish(self):",
        '        """Nothing to hand back."""',
        "",
        f"    def update(self, {arrays}, step):",
        "        variables = self.model.trainable_variables",
        "        with tf.GradientTape() as tape:",
        f"            outputs = {called}, training=True)",
        f"            loss = {parts.loss}",
        "        gradients = tape.gradient(loss, [v.value for v in variables])",
        *(INDENT * 2 + line for line in _densify(program)),
        "        self.optimizer.apply(gradients, variables)",
        scores,
        "",
        *(_several(parts, arrays, dtype) if plan.several else []),
        f"    def score(self, {arrays}):",
        *([f"{INDENT * 2}step = tf.zeros((), tf.int32)"] if parts.takes_step else []),
        f"        outputs = {called}, training=False)",
        f"        loss = {parts.loss}",
        scores,
        "",
        "    @staticmethod",
        "    def fetch(results):",
        '        """Scores of steps as one array (steps, scores)."""',
        *(
            [
                "        scores = tf.reshape(tf.concat(results, 0), (-1, len(SCORES)))",
                "        return scores.numpy().astype(np.float64)",
            ]
            if plan.several
            else ["        return tf.stack(results).numpy().astype(np.float64)"]
        ),
    ]


def _several(parts: TrainingParts, arrays: str, dtype: str) -> list[str]:
    """Methods for batches (steps, batch, ...), and for one batch."""
    one = ", ".join(f"{name}[None]" for name in parts.arrays)
    return [
        f"    def updates(self, {arrays}, step):",
        '        """One step after the other, on batches (steps, batch, ...)."""',
        f"        steps = step + tf.range(tf.shape({parts.arrays[-1]})[0])",
        "        return tf.map_fn(",
        "            lambda batch: self.update(*batch),",
        f"            ({arrays}, steps),",
        f"            fn_output_signature=tf.{dtype},",
        "            parallel_iterations=1,",
        "        )",
        "",
        f"    def train_step(self, {arrays}, step):",
        f"        return self.train_steps({one}, step)",
        "",
    ]


def model_inputs(parts: TrainingParts, program: Program) -> str:
    """The model's argument: arrays nested as it takes them, and the step."""
    names = [*parts.inputs, *(["step"] if parts.takes_step else [])]
    return nested(program.inputs, names, "[]")


def _batch(program: Program, parts: TrainingParts, dtype: str) -> list[str]:
    """The types of a batch, with every size open that the program leaves open."""
    inputs = program.root.inputs[: -1 if parts.takes_step else None]
    specs = [_spec(value.shape, value.dtype, dtype) for value in inputs]
    specs += [_spec(shape, kind, dtype) for shape, kind in parts.given_types]
    return [f"        batch = [{', '.join(specs)}]"]


def _spec(shape: Shape, dtype: str, floats: str) -> str:
    sizes = tuple(None if isinstance(size, Size) else size for size in shape)
    name = {"float": floats, "int": "int32", "bool": "bool"}[dtype]
    return f"tf.TensorSpec({sizes}, tf.{name})"


def _densify(program: Program) -> list[str]:
    """Gradients of tables come as rows; every row moves with its moments."""
    takes = any(node.op == "take" for b in program.blocks.values() for node in b.nodes)
    return ["gradients = [tf.convert_to_tensor(g) for g in gradients]"] if takes else []


def _scores(parts: TrainingParts) -> str:
    if not parts.metrics:
        return "tf.reshape(loss, (1,))"
    return f"tf.stack([{', '.join(['loss', *parts.metrics])}])"
