"""The text of noise on gradients: a function of gradients in nested dicts."""

from __future__ import annotations

import numpy as np

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts


def noise_function(parts: TrainingParts) -> list[str]:
    """A function within Trainer.__init__."""
    if parts.noise is None:
        return []
    natives = {parts.bindings[path].native: key for path, key in parts.noise.keys.items()}
    turned = {
        parts.bindings[path].native: tuple(np.argsort(axes).tolist())
        for path in parts.noise.keys
        if (axes := parts.bindings[path].axes) is not None
    }
    inner = [
        'name = jax.tree_util.keystr(path, simple=True, separator=".")',
        "position = jnp.arange(grad.size, dtype=jnp.int32).reshape(grad.shape)",
        f"return grad + deviation * {parts.noise.call('position', 'step', 'keys[name]')}",
    ]
    if turned:
        listed = ", ".join(f'"{name}": {axes}' for name, axes in turned.items())
        inner = [
            inner[0],
            f"axes = {{{listed}}}.get(name, tuple(range(grad.ndim)))",
            "shape = [grad.shape[axis] for axis in axes]",
            "position = jnp.arange(grad.size, dtype=jnp.int32).reshape(shape)",
            "position = position.transpose(np.argsort(axes))",
            inner[2],
        ]
    return [
        "# of each parameter, what its noise goes by",
        "keys = {",
        *(f'{INDENT}"{name}": {key},' for name, key in natives.items()),
        "}",
        "",
        "def with_noise(grads, step, deviation):",
        f'{INDENT}"""Normal noise, of the step and each number\'s place alone."""',
        "",
        f"{INDENT}def noisy(path, grad):",
        *(INDENT * 2 + line for line in inner),
        "",
        f"{INDENT}return jax.tree_util.tree_map_with_path(noisy, grads)",
        "",
    ]
