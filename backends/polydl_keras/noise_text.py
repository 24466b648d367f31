"""The text of noise on gradients.

Where a native keeps gates in another order, or two parameters in one variable, the noise lies as they
do.
"""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts
from polydl_keras.optimizer_text import variable_text


def noise_table(parts: TrainingParts) -> list[str]:
    """Statements of Trainer.__init__."""
    if parts.noise is None:
        return []
    keys: dict[str, dict[int, int]] = {}
    gates: dict[str, tuple[int, ...]] = {}
    for path, key in parts.noise.keys.items():
        binding = parts.bindings[path]
        row = -1 if binding.row is None else binding.row
        keys.setdefault(binding.native, {})[row] = key
        gates[binding.native] = binding.parts
    lines = []
    for native, rows in keys.items():
        text = str(rows[-1]) if -1 in rows else str([[rows[i]] for i in sorted(rows)])
        value = f"({text}, {gates[native]})" if _has_gates(parts) else text
        lines.append(f"{INDENT}{variable_text(native)}.path: {value},")
    what = "its key, and the order of gates in it" if _has_gates(parts) else "its key"
    return [f"# of each variable, {what}, for its noise", "self.noise = {", *lines, "}"]


def noise_lines(parts: TrainingParts) -> list[str]:
    """Statements about `gradients` of `variables`."""
    if parts.noise is None:
        return []
    return ["gradients = self.with_noise(gradients, variables, step, noise_deviation)"]


def noise_method(parts: TrainingParts) -> list[str]:
    if parts.noise is None:
        return []
    made = parts.noise.call("position", "step", "key")
    if _has_gates(parts):
        inner = [
            "key, gates = self.noise[v.path]",
            "key = tf.constant(key)",
            "shape = (1, *v.shape[1:]) if key.shape.rank else v.shape",
            "position = tf.reshape(tf.range(int(np.prod(shape))), shape)",
            "if gates:",
            f"{INDENT}pieces = tf.split(position, len(gates), -1)",
            f"{INDENT}position = tf.concat([pieces[i] for i in gates], -1)",
        ]
    else:
        inner = [
            "key = self.noise[v.path]",
            "position = tf.reshape(tf.range(tf.size(gradient)), gradient.shape)",
        ]
    return [
        "def with_noise(self, gradients, variables, step, deviation):",
        f'{INDENT}"""Normal noise, of the step and each number\'s place alone."""',
        f"{INDENT}noisy = []",
        f"{INDENT}for gradient, v in zip(gradients, variables):",
        *(INDENT * 2 + line for line in inner),
        f"{INDENT * 2}noisy.append(gradient + deviation * {made})",
        f"{INDENT}return noisy",
        "",
    ]


def _has_gates(parts: TrainingParts) -> bool:
    assert parts.noise is not None
    return any(not parts.bindings[path].is_plain for path in parts.noise.keys)
