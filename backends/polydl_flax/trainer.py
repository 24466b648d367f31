"""The emitted training step of Flax: one jitted function of plain dicts of arrays.

The module is split once. Its parameters, state and the optimizer's state go through the step as
donated arguments, in nested dicts, which JAX dispatches much faster than nnx.State or a module.
"""

from __future__ import annotations

from polydl.optimizers.adam import Adam
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.sgd import SGD
from polydl.training.emission import TrainingParts


def native_optimizer(optimizer: Optimizer) -> str | None:
    """optax's constructor for an update rule, or None where it has none that is equal."""
    if type(optimizer) is SGD:
        text = f"optax.sgd({optimizer.learning_rate!r}"
        if optimizer.momentum:
            text += f", momentum={optimizer.momentum!r}, nesterov={optimizer.nesterov}"
        return f"{text})"
    if type(optimizer) is Adam:
        return (
            f"optax.adam({optimizer.learning_rate!r}, b1={optimizer.beta1!r}, "
            f"b2={optimizer.beta2!r}, eps={optimizer.epsilon!r})"
        )
    return None


def trainer_lines(parts: TrainingParts, natives: bool, place: str = "") -> list[str]:
    """class Trainer, and the optimizer where optax has none.

    place: the text of the device, where it is not the one that JAX would take.
    """
    native = native_optimizer(parts.optimizer) if natives else None
    lines = [] if native else [*_update_rule(parts), "", ""]
    arrays = ", ".join(parts.arrays)
    step = ", step" if parts.takes_step else ""
    initial = "optimizer.init(nnx.to_pure_dict(params))"
    if place:
        initial = f"jax.device_put({initial}, {place})"
    lines += [
        "class Trainer:",
        '    """Training and evaluation of one batch, with the optimizer\'s state."""',
        "",
        "    def __init__(self, model):",
        f"        optimizer = {native or 'update_rule()'}",
        "        model.train()",
        "        graphdef, params, _ = nnx.split(model, nnx.Param, ...)",
        "        model.eval()",
        "        eval_graphdef, self.state = nnx.split(model)",
        "        self.model, self.params, self.rest = model, None, None",
        f"        self.opt_state = {initial}",
        "",
        f"        def update(params, rest, opt_state, {arrays}{step}):",
        "            def forward(params):",
        "                model = nnx.merge(graphdef, params, rest)",
        f"                outputs = model({', '.join(parts.inputs)}{step})",
        f"                loss = {parts.loss}",
        f"                scores = {_scores(parts)}",
        "                rest_after = nnx.to_pure_dict(nnx.state(model, nnx.Not(nnx.Param)))",
        "                return loss, (scores, rest_after)",
        "",
        "            grads, (scores, rest) = jax.grad(forward, has_aux=True)(params)",
        "            updates, opt_state = optimizer.update(grads, opt_state, params)",
        "            return optax.apply_updates(params, updates), rest, opt_state, scores",
        "",
        f"        def evaluate(state, {arrays}):",
        f"            outputs = nnx.merge(eval_graphdef, state)({', '.join(parts.inputs)})",
        f"            loss = {parts.loss}",
        f"            return {_scores(parts)}",
        "",
        "        self.update = jax.jit(update, donate_argnums=(0, 1, 2))",
        "        self.evaluate = jax.jit(evaluate)",
        "",
        "    def start(self):",
        "        # copies, for the step donates its arrays and the model keeps its own",
        "        params, rest = nnx.state(self.model, nnx.Param, ...)",
        "        self.params = jax.tree.map(jnp.copy, nnx.to_pure_dict(params))",
        "        self.rest = jax.tree.map(jnp.copy, nnx.to_pure_dict(rest))",
        "",
        "    def finish(self):",
        "        carried = jax.tree.leaves((self.params, self.rest))",
        "        # a step that failed on its way has lost what it was given; the model has not",
        "        if carried and not any(array.is_deleted() for array in carried):",
        "            nnx.update(self.model, self.params, self.rest)",
        "        self.params, self.rest = None, None",
        "",
        f"    def train_step(self, {arrays}, step):",
        "        self.params, self.rest, self.opt_state, scores = self.update(",
        "            self.params, self.rest, self.opt_state, "
        f"{arrays}{', np.int32(step)' if parts.takes_step else ''}",
        "        )",
        "        return scores",
        "",
        f"    def evaluate_step(self, {arrays}):",
        f"        return self.evaluate(self.state, {arrays})",
        "",
        "    @staticmethod",
        "    def fetch(results):",
        '        """Scores of steps as one array (steps, scores)."""',
        "        return np.stack(jax.device_get(results)).astype(np.float64)",
    ]
    return lines


def _scores(parts: TrainingParts) -> str:
    if not parts.metrics:
        return "loss.reshape(1)"
    return f"jnp.stack([{', '.join(['loss', *parts.metrics])}])"


def _update_rule(parts: TrainingParts) -> list[str]:
    """An optax transformation around the emitted update of one parameter."""
    slots = parts.optimizer.slots
    carried = "".join(f', state["{slot}"]' for slot in slots)
    zeros = dict.fromkeys(slots, "jax.tree.map(jnp.zeros_like, params)")
    lines = [
        "def update_rule():",
        f'    """{type(parts.optimizer).__name__}, from its definition, as optax has it."""',
        "",
        "    def init(params):",
        *_returned_dict("", {"step": "jnp.zeros((), jnp.int32)", **zeros}),
        "",
        "    def update(grads, state, params):",
        '        step = state["step"] + 1',
        "",
        "        def rule(value, grad, *slots):",
        f"            return {parts.update}(value, grad, step, *slots)",
        "",
        f"        values = jax.tree.map(rule, params, grads{carried})",
    ]
    if slots:
        names = ", ".join(["values", *slots])
        inner = ", ".join(["0"] * (1 + len(slots)))
        lines += [
            f"        {names} = jax.tree.transpose(",
            f"            jax.tree.structure(params), jax.tree.structure(({inner})), values",
            "        )",
        ]
    return [
        *lines,
        "        updates = jax.tree.map(jnp.subtract, values, params)",
        *_returned_dict("updates, ", {"step": "step", **{slot: slot for slot in slots}}),
        "",
        "    return optax.GradientTransformation(init, update)",
    ]


def _returned_dict(before: str, items: dict[str, str]) -> list[str]:
    """A return statement with a dict, an item a line where there are several."""
    texts = [f'"{name}": {value}' for name, value in items.items()]
    if len(texts) == 1:
        return [f"        return {before}{{{texts[0]}}}"]
    return [f"        return {before}{{", *(f"            {t}," for t in texts), "        }"]
