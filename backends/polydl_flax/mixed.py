"""Mixed precision in Flax' text: layers with a dtype to compute in, and the scale of a loss in float16.

nnx's norms take their statistics in float32 whatever the dtype, and its softmax computes in the dtype.
"""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts

SCALE = 'loss_scale["scale"]'


def support_lines(parts: TrainingParts) -> list[str]:
    """A function that gives the next scale, and empty lines after it."""
    scale = parts.scaling
    if scale is None:
        return []
    return [
        "def next_loss_scale(loss_scale, finite):",
        '    """A smaller scale after a gradient that is not finite, a larger one after '
        f'{scale.growth_every} that are."""',
        '    scale, good_steps = loss_scale["scale"], loss_scale["good_steps"] + 1',
        f"    grows, larger = good_steps == {scale.growth_every}, {scale.growth!r} * scale",
        "    grown = jnp.where(grows & jnp.isfinite(larger), larger, scale)",
        "    return {",
        f'        "scale": jnp.where(finite, grown, {scale.backoff!r} * scale),',
        '        "good_steps": jnp.where(finite & ~grows, good_steps, 0),',
        "    }",
        "",
        "",
    ]


def construction(parts: TrainingParts, place: str) -> list[str]:
    """Statements of Trainer.__init__."""
    if parts.scaling is None:
        return []
    made = f'{{"scale": jnp.float32({parts.scaling.initial!r}), "good_steps": jnp.int32(0)}}'
    return [f"self.loss_scale = {f'jax.device_put({made}, {place})' if place else made}"]


def outputs_text(parts: TrainingParts, model: str, step: str = "") -> str:
    """The model's outputs."""
    floats = [name for name, dtype in zip(parts.inputs, parts.input_types, strict=True)
              if dtype == "float"]  # fmt: skip
    low = "" if parts.precision is None else f".astype(jnp.{parts.precision})"
    given = ", ".join(f"{name}{low}" if name in floats else name for name in parts.inputs)
    call = f"{model}({given}{step})"
    if not low:
        return call
    if parts.outputs is None:
        return f"{call}.astype(jnp.float32)"
    return f"jax.tree.map(lambda output: output.astype(jnp.float32), {call})"


def evaluated_lines(parts: TrainingParts, arrays: str) -> list[str]:
    """Statements of the model's outputs in evaluation mode. arrays: those that it is merged of."""
    merged = f"nnx.merge(eval_graphdef, {arrays})"
    if parts.precision is None:
        return [f"outputs = {outputs_text(parts, merged)}"]
    return [f"model = {merged}", f"outputs = {outputs_text(parts, 'model')}"]


def scaled(parts: TrainingParts) -> str:
    """A factor of the loss."""
    return f"{SCALE} * " if parts.scaling else ""


def unscaling(parts: TrainingParts) -> list[str]:
    if parts.scaling is None:
        return []
    return [
        f"grads = jax.tree.map(lambda grad: grad / {SCALE}, grads)",
        "good = [jnp.isfinite(grad).all() for grad in jax.tree.leaves(grads)]",
        "finite = jnp.stack(good).all()",
    ]


def skipping(parts: TrainingParts) -> list[str]:
    """After an update to `moved`, of parameters and the optimizer's state."""
    return [
        "# an update by gradients that are not finite is left out",
        "params, opt_state = jax.tree.map(",
        f"{INDENT}lambda new, old: jnp.where(finite, new, old), moved, (params, opt_state)",
        ")",
        "loss_scale = next_loss_scale(loss_scale, finite)",
    ]
