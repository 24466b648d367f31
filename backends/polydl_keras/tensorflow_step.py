"""The emitted training step on TensorFlow.

A tf.function, traced once for batches of any size; calling its concrete function leaves out a third
of TensorFlow's dispatch.
"""

from __future__ import annotations

from collections.abc import Sequence

from polydl.emission.code import INDENT
from polydl.program.sizes import Shape, Size
from polydl.program.types import Program
from polydl.training.contributions import Contributions, fetching
from polydl.training.emission import TrainingParts
from polydl.training.rule_groups import RuleGroup
from polydl.training.snapshot_text import snapshot_lines
from polydl_keras import accumulating, mixed
from polydl_keras.averaging import average_lines, moving_lines, with_averages
from polydl_keras.functional import nested
from polydl_keras.noise_text import noise_lines, noise_method, noise_table
from polydl_keras.optimizer_text import construction, trained_text, update_lines
from polydl_keras.penalty_text import loss_lines, penalized_lines, penalty_method
from polydl_keras.step_plan import StepPlan

WEIGHTS = ("self.model.get_weights()", "self.model.set_weights(weights)")
_AVERAGES = (
    "[average.numpy() for average in self.averages]",
    [
        "for average, value in zip(self.averages, averages):",
        f"{INDENT}average.assign(value)",
    ],
)


def tensorflow_step(
    parts: TrainingParts,
    program: Program,
    dtype: str,
    groups: Sequence[RuleGroup],
    plan: StepPlan,
) -> list[str]:
    """class Trainer, of the rules that move groups of variables."""
    arrays = ", ".join(parts.arrays)
    called = f"self.model({model_inputs(parts, program)}"
    scored = [
        f"outputs = {mixed.outputs_text(parts, f'{called}, training=False)')}",
        *loss_lines(parts),
    ]
    scores = f"        return {', '.join(brought(parts.metrics))}"
    if parts.micro_batch:
        made, step = accumulating.made(parts, dtype, plan.xla), accumulating.step
    else:
        made, step = _made(parts, dtype, plan), _step
    return [
        "class Trainer:",
        '    """Training and evaluation of one batch, with the optimizer\'s state."""',
        "",
        *([f"    steps_per_execution = {plan.steps}", ""] if plan.several else []),
        "    def __init__(self, model):",
        "        self.model = model",
        *(INDENT * 2 + line for line in construction(parts, groups)),
        *(INDENT * 2 + line for line in average_lines(parts, groups)),
        *(INDENT * 2 + line for line in penalized_lines(parts)),
        *(INDENT * 2 + line for line in noise_table(parts)),
        *(INDENT * 2 + line for line in mixed.construction(parts)),
        *_batch(program, parts, dtype),
        *(INDENT * 2 + line for line in made),
        "        self.evaluate_step = tf.function(self.score, batch, autograph=False)",
        "",
        "    def start(self):",
        '        """Nothing to prepare: the step works on the model\'s own variables."""',
        "",
        "    def finish(self):",
        '        """Nothing to hand back."""',
        "",
        *(INDENT + line if line else "" for line in step(parts, program, groups)),
        *(_several(parts, arrays, dtype) if plan.several else []),
        *penalty_method(parts),
        *snapshot_lines(parts, WEIGHTS, _AVERAGES),
        *(INDENT + line if line else "" for line in noise_method(parts)),
        f"    def score(self, {arrays}):",
        *([f"{INDENT * 2}step = tf.zeros((), tf.int32)"] if parts.takes_step else []),
        *(INDENT * 2 + line for line in with_averages(parts, scored)),
        scores,
        "",
        *_fetching(parts.metrics, plan.several),
    ]


def _made(parts: TrainingParts, dtype: str, plan: StepPlan) -> list[str]:
    """The functions of a step, traced."""
    compiled = ", jit_compile=True" if plan.xla else ""
    method = "updates" if plan.several else "update"
    rate = f"tf.TensorSpec((), tf.{dtype})"
    lines = ["step = tf.TensorSpec((), tf.int32)"]
    given = ", ".join(["step", *["rate" if parts.takes_rate else "number"] * len(parts.numbers)])
    if parts.numbers:
        name = given.rpartition(" ")[2]
        lines.append(f"{name} = {rate.replace('()', '(None,)') if plan.several else rate}")
    lines.append(f"update = tf.function(self.{method}, autograph=False{compiled})")
    if not plan.several:
        return [*lines, f"self.train_step = update.get_concrete_function(*batch, {given})"]
    return [
        *lines,
        "batches = [tf.TensorSpec((None, *x.shape), x.dtype) for x in batch]",
        f"self.train_steps = update.get_concrete_function(*batches, {given})",
    ]


def _step(parts: TrainingParts, program: Program, groups: Sequence[RuleGroup]) -> list[str]:
    """The method of one update."""
    lost = "scaled" if parts.scaling else "loss"
    inner = [
        f"variables = {trained_text(parts, groups)}",
        *forward(parts, program),
        *mixed.scaled_lines(parts),
        f"gradients = tape.gradient({lost}, [v.value for v in variables])",
        *densify(program),
        *mixed.unscaling(parts),
        *noise_lines(parts),
        *clip(parts),
        *mixed.updating(parts, update_lines(parts, groups)),
        *moving_lines(parts),
        f"return {', '.join(brought(parts.metrics))}",
    ]
    return [
        f"def update(self, {', '.join([*parts.arrays, 'step', *parts.numbers])}):",
        *(INDENT + line for line in inner),
        "",
        *mixed.methods(parts, update_lines(parts, groups)),
    ]


def forward(parts: TrainingParts, program: Program, in_part: bool = False) -> list[str]:
    """The loss, on the tape."""
    call = f"self.model({model_inputs(parts, program)}, training=True)"
    return [
        "with tf.GradientTape() as tape:",
        f"    outputs = {mixed.outputs_text(parts, call)}",
        *(INDENT + line for line in loss_lines(parts, in_part)),
    ]


def clip(parts: TrainingParts) -> list[str]:
    lines = []
    if (value := parts.training.clip_value) is not None:
        lines.append(f"gradients = [tf.clip_by_value(g, {-value!r}, {value!r}) for g in gradients]")
    if (norm := parts.training.clip_norm) is not None:
        lines.append(f"gradients, _ = tf.clip_by_global_norm(gradients, {norm!r})")
    return lines


def _several(parts: TrainingParts, arrays: str, dtype: str) -> list[str]:
    """Methods for batches (steps, batch, ...), and for one batch."""
    metrics, kind = parts.metrics, f"tf.{dtype}"
    names = metrics.names
    flat = [f"tf.reshape({n}, {(-1, *s)})" for n, s in zip(names, metrics.shapes, strict=True)]
    kinds = f"({', '.join([kind] * (1 + len(names)))})" if names else kind
    one = ", ".join(f"{name}[None]" for name in parts.arrays)
    rate = "".join(f", {name}" for name in parts.numbers)
    rates = "".join(f", {name}s" for name in parts.numbers)
    single = "".join(f", [{name}]" for name in parts.numbers)
    return [
        f"    def updates(self, {arrays}, step{rates}):",
        '        """One step after the other, on batches (steps, batch, ...)."""',
        f"        steps = step + tf.range(tf.shape({parts.arrays[-1]})[0])",
        f"        {', '.join(['scores', *names])} = tf.map_fn("
        if names
        else "        return tf.map_fn(",
        "            lambda batch: self.update(*batch),",
        f"            ({arrays}, steps{rates}),",
        f"            fn_output_signature={kinds},",
        "            parallel_iterations=1,",
        "        )",
        *([f"        return {', '.join(['scores', *flat])}"] if names else []),
        "",
        f"    def train_step(self, {arrays}, step{rate}):",
        f"        return self.train_steps({one}, step{single})",
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


def densify(program: Program) -> list[str]:
    """Gradients of tables come as rows; every row moves with its moments."""
    takes = any(node.op == "take" for b in program.blocks.values() for node in b.nodes)
    return ["gradients = [tf.convert_to_tensor(g) for g in gradients]"] if takes else []


def brought(metrics: Contributions, given: Sequence[str] = (), share: str = "") -> list[str]:
    """What a batch brings: scores, and what is gathered.

    given: means over samples, share: a factor of all of them.
    """
    means = ", ".join(given or ["loss", *metrics.means])
    scores = f"{share}tf.stack([{means}])" if metrics.means else f"{share}tf.reshape(loss, (1,))"
    if metrics.sums:
        first = scores if share else f"[{means}]"
        scores = f"tf.concat([{', '.join([first, *metrics.sums])}], 0)"
    return [scores, *metrics.gathered]


def _fetching(metrics: Contributions, several: bool) -> list[str]:
    """Methods that bring results to NumPy; scores of several steps come with an axis of steps."""
    width = "len(SCORES)" if metrics.plain else metrics.width
    stack = ["tf.stack({}).numpy().astype(np.float64)"]
    if several:
        stack = [
            f"scores = tf.reshape(tf.concat({{}}, 0), (-1, {width}))",
            "scores.numpy().astype(np.float64)",
        ]
    return fetching(metrics, stack, "tf.concat({}, 0).numpy().astype(np.float64)")
