"""The emitted training step of Flax: one jitted function of plain dicts of arrays.

The module is split once. Its parameters, state and the optimizer's state go through the step as
donated arguments, in nested dicts, which JAX dispatches much faster than nnx.State or a module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from polydl.emission.code import INDENT
from polydl.emission.wrap import LINE_LENGTH
from polydl.training.contributions import fetching, total
from polydl.training.emission import TrainingParts
from polydl.training.rule_groups import rule_groups
from polydl.training.snapshot_text import snapshot_lines
from polydl_flax import mixed
from polydl_flax.noise_text import noise_function
from polydl_flax.optimizer_text import (
    frozen_text,
    grouping,
    optimizer_text,
    update_rule_lines,
)
from polydl_flax.optimizers import native_optimizer
from polydl_flax.penalty_text import penalty_function

_BODY = INDENT * 2
_COPIED = "jax.tree.map(jnp.copy, nnx.to_pure_dict({}))"


_WEIGHTS = ("nnx.to_pure_dict(nnx.state(self.model))", "nnx.update(self.model, weights)")
_AVERAGES = ("jax.tree.map(jnp.copy, self.averages)", ["self.averages = averages"])


def trainer_lines(parts: TrainingParts, place: str = "") -> list[str]:
    """class Trainer, and the optimizer where optax has none.

    place: the text of the device, where it is not the one that JAX would take.
    """
    groups = rule_groups(parts, native_optimizer)
    before = update_rule_lines(parts, groups)
    arrays = ", ".join(parts.arrays)
    numbers = "".join(f", {name}" for name in parts.numbers)
    trained = "trainable" if parts.frozen else "nnx.Param"
    evaluated = f"nnx.to_pure_dict(state.filter({trained}))"
    step = _in_parts(parts) if parts.micro_batch else _whole(parts)
    averaged, others = parts.average_weight is not None, "state"
    carried = tuple(range(2, 3 + averaged + (parts.scaling is not None)))
    jitted: dict[str, tuple[int, ...]] = {"update": (0, 1, *carried)}
    if parts.micro_batch:
        jitted = {"accumulate": (1, 2), "update": (0, *carried)}
    split = "eval_graphdef, self.state = nnx.split(model)"
    if averaged:
        split = f"eval_graphdef, _, self.state = nnx.split(model, {trained}, ...)"
        evaluated, others = "averages", "averages, state"
    return [
        *([*before, "", ""] if before else []),
        *mixed.support_lines(parts),
        "class Trainer:",
        '    """Training and evaluation of one batch, with the optimizer\'s state."""',
        "",
        "    def __init__(self, model):",
        *(_BODY + line for line in grouping(parts, groups)),
        *(_BODY + line for line in _optimizer(parts, optimizer_text(parts, groups))),
        *(_BODY + line for line in frozen_text(parts)),
        "        model.train()",
        f"        graphdef, params, _ = nnx.split(model, {trained}, ...)",
        "        model.eval()",
        f"        {split}",
        *(["        self.trainable = trainable"] if parts.frozen else []),
        "        self.model, self.params, self.rest = model, None, None",
        f"        self.opt_state = {_initial(parts, place)}",
        *([f"        self.averages = {_COPIED.format('params')}"] if averaged else []),
        *(_BODY + line for line in mixed.construction(parts, place)),
        "",
        *(_BODY + line if line else "" for line in penalty_function(parts)),
        *(_BODY + line if line else "" for line in noise_function(parts)),
        *(_BODY + line for line in step),
        "",
        f"        def evaluate({others}, {arrays}):",
        *(INDENT * 3 + line for line in mixed.evaluated_lines(parts, others)),
        *(INDENT * 3 + line for line in _loss_lines(parts, evaluated)),
        f"            return {_scores(parts)}",
        "",
        *(_BODY + line for line in _jitted(jitted)),
        "        self.evaluate = jax.jit(evaluate)",
        "",
        "    def start(self):",
        "        # copies, for the step donates its arrays and the model keeps its own",
        f"        params, rest = nnx.state(self.model, {_own(trained)}, ...)",
        f"        self.params = {_COPIED.format('params')}",
        f"        self.rest = {_COPIED.format('rest')}",
        "",
        "    def finish(self):",
        "        carried = jax.tree.leaves((self.params, self.rest))",
        "        # a step that failed on its way has lost what it was given; the model has not",
        "        if carried and not any(array.is_deleted() for array in carried):",
        "            nnx.update(self.model, self.params, self.rest)",
        "        self.params, self.rest = None, None",
        "",
        f"    def train_step(self, {arrays}, step{numbers}):",
        *(_BODY + line for line in (_call_parts(parts) if parts.micro_batch else _call(parts))),
        "",
        *snapshot_lines(parts, _WEIGHTS, _AVERAGES),
        f"    def evaluate_step(self, {arrays}):",
        f"        return self.evaluate({'self.averages, ' * averaged}self.state, {arrays})",
        "",
        *fetching(parts.metrics, ["np.stack(jax.device_get({})).astype(np.float64)"],
                  "np.concatenate(jax.device_get({})).astype(np.float64)"),
    ]  # fmt: skip


def _optimizer(parts: TrainingParts, text: str) -> list[str]:
    """The optimizer, or a function of the learning rate that gives it."""
    if parts.takes_rate:
        return ["def optimizer(learning_rate):", f"{INDENT}return {text}", ""]
    return [f"optimizer = {text}", *([""] if parts.frozen else [])]


def _initial(parts: TrainingParts, place: str) -> str:
    made = "optimizer(0.0)" if parts.takes_rate else "optimizer"
    initial = f"{made}.init(nnx.to_pure_dict(params))"
    return f"jax.device_put({initial}, {place})" if place else initial


def _own(trained: str) -> str:
    return "self.trainable" if trained == "trainable" else trained


def _jitted(donated: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Of each function, the arguments that its results take the place of are donated to it."""
    return [f"self.{n} = jax.jit({n}, donate_argnums={places})" for n, places in donated.items()]


def _loss_lines(parts: TrainingParts, params: str, in_part: bool = False) -> list[str]:
    """Statements of the loss."""
    return parts.loss_lines(f"penalty({params})" if parts.penalties else "", in_part)


def _forward(parts: TrainingParts, in_part: bool = False) -> list[str]:
    """The function that is differentiated. in_part: of a part of a batch."""
    share = "share * " if in_part and not parts.uneven else ""
    step = ", step" if parts.takes_step else ""
    trained = "trainable" if parts.frozen else "nnx.Param"
    return [
        "def forward(params):",
        "    model = nnx.merge(graphdef, params, rest)",
        f"    outputs = {mixed.outputs_text(parts, 'model', step)}",
        *(INDENT + line for line in _loss_lines(parts, "params", in_part)),
        f"    scores = {_scores(parts, *parts.part_scores) if in_part else _scores(parts)}",
        f"    rest_after = nnx.to_pure_dict(nnx.state(model, nnx.Not({trained})))",
        f"    return {mixed.scaled(parts)}{share}loss, (scores, rest_after)",
        "",
    ]


def _update(parts: TrainingParts) -> list[str]:
    """From gradients to updates, or where some are skipped to the new parameters and state."""
    made = "optimizer(learning_rate)" if parts.takes_rate else "optimizer"
    noise = ["grads = with_noise(grads, step, noise_deviation)"] if parts.noise else []
    if parts.scaling is None:
        lines = [*noise, f"updates, opt_state = {made}.update(grads, opt_state, params)"]
    else:
        lines = [
            *mixed.unscaling(parts),
            *noise,
            f"updates, updated = {made}.update(grads, opt_state, params)",
            "moved = (optax.apply_updates(params, updates), updated)",
            *mixed.skipping(parts),
        ]
    if parts.average_weight is None:
        return lines
    if parts.scaling is None:
        lines.append("params = optax.apply_updates(params, updates)")
    average = f"optax.incremental_update(params, averages, {parts.average_weight})"
    return [*lines, f"averages = {average}"]


def _updated(parts: TrainingParts) -> str:
    """The text of the parameters after that."""
    named = parts.average_weight is not None or parts.scaling is not None
    return "params" if named else "optax.apply_updates(params, updates)"


def _carried(parts: TrainingParts, of: str = "") -> str:
    """What steps carry besides parameters and state."""
    names = ["opt_state"]
    names += ["averages"] if parts.average_weight is not None else []
    names += ["loss_scale"] if parts.scaling is not None else []
    return ", ".join(f"{of}{name}" for name in names)


def _whole(parts: TrainingParts) -> list[str]:
    """One function that takes a step."""
    inner = [
        *_forward(parts),
        "grads, (scores, rest) = jax.grad(forward, has_aux=True)(params)",
        *_update(parts),
        f"return {_updated(parts)}, rest, {_carried(parts)}, scores",
    ]
    counted = parts.takes_step or parts.noise is not None
    given = [*parts.arrays, *(["step"] if counted else []), *parts.numbers]
    return [
        f"def update(params, rest, {_carried(parts)}, {', '.join(given)}):",
        *(INDENT + line for line in inner),
    ]


def _in_parts(parts: TrainingParts) -> list[str]:
    """One function for the gradients of a part of a batch, and one for the update."""
    step = ", step" if parts.takes_step else ""
    given = "".join(f", {name}" for name in [*["step"] * bool(parts.noise), *parts.numbers])
    scale = "loss_scale, " if parts.scaling else ""
    others = f"{''.join(f'{name}, ' for name in parts.divisors)}{scale}{', '.join(parts.arrays)}"
    inner = [
        *_forward(parts, in_part=True),
        "more, (scores, rest) = jax.grad(forward, has_aux=True)(params)",
        "return rest, jax.tree.map(jnp.add, grads, more), scores",
    ]
    return [
        f"def accumulate(params, rest, grads, share, {others}{step}):",
        *(INDENT + line for line in inner),
        "",
        f"def update(params, grads, {_carried(parts)}{given}):",
        *(INDENT + line for line in _update(parts)),
        f"{INDENT}return {_updated(parts)}, {_carried(parts)}",
    ]


def _call(parts: TrainingParts) -> list[str]:
    others = ["np.int32(step)"] if parts.takes_step or parts.noise else []
    others += parts.numbers
    carried = f"self.params, self.rest, {_carried(parts, 'self.')}"
    return [
        f"{carried}, scores = self.update(",
        *_arguments(carried, ", ".join([*parts.arrays, *others])),
        ")",
        "return scores",
    ]


def _arguments(carried: str, others: str) -> list[str]:
    line = f"{INDENT}{carried}, {others}"
    if len(_BODY + line) <= LINE_LENGTH:
        return [line]
    return [f"{INDENT}{carried},", f"{INDENT}{others},"]


def _call_parts(parts: TrainingParts) -> list[str]:
    """Part by part, and then the update."""
    size, first = parts.micro_batch, parts.arrays[-1]
    batches = [f"{name}[batch]" for name in parts.arrays]
    carried = _carried(parts, "self.")
    if parts.scaling:
        batches.insert(0, "self.loss_scale")
    batches = [*parts.divisors, *batches]
    if parts.takes_step:
        turns = f"for part, start in enumerate(range(0, len({first}), {size})):"
        batches.append(f"np.int32({parts.training.accumulate} * step + part)")
    else:
        turns = f"for start in range(0, len({first}), {size}):"
    step = ["np.int32(step)"] if parts.noise else []
    given = "".join(f", {name}" for name in [*step, *parts.numbers])
    return [
        "grads, results = jax.tree.map(jnp.zeros_like, self.params), []",
        *(f"{name} = {text}" for name, text in parts.divisors.items()),
        turns,
        f"    batch = slice(start, start + {size})",
        f"    share = len({first}[batch]) / len({first})",
        "    self.rest, grads, scores = self.accumulate("
        f"self.params, self.rest, grads, share, {', '.join(batches)})",
        "    results.append(scores)",
        f"self.params, {carried} = self.update(self.params, grads, {carried}{given})",
        *total(parts.metrics, "sum({})", "jnp.concatenate({})"),
    ]


def _scores(parts: TrainingParts, means: Sequence[str] = (), share: str = "") -> str:
    """What a batch brings. means: over samples, share: a factor of all of them."""
    metrics = parts.metrics
    means = means or ["loss", *metrics.means]
    scores = (
        f"{share}jnp.stack([{', '.join(means)}])" if metrics.means else f"{share}loss.reshape(1)"
    )
    if metrics.sums and not share:
        scores = f"jnp.hstack([{', '.join([*means, *metrics.sums])}])"
    elif metrics.sums:
        scores = f"jnp.concatenate([{', '.join([scores, *metrics.sums])}])"
    return f"({', '.join([scores, *metrics.gathered])})" if metrics.gathered else scores
