"""The text of noise on gradients."""

from __future__ import annotations

import numpy as np

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts


def noise_table(parts: TrainingParts) -> list[str]:
    """Statements of Trainer.__init__."""
    if parts.noise is None:
        return []
    turned = _turned(parts)
    entries = []
    for path, key in parts.noise.keys.items():
        binding = parts.bindings[path]
        axes = None if binding.axes is None else tuple(np.argsort(binding.axes).tolist())
        value = f"({key}, {axes})" if turned else str(key)
        entries.append(f'{INDENT}"{binding.native}": {value},')
    what = "its key, and the axes that" if turned else "its key"
    return [f"# of each parameter, {what} its noise goes by", "self.noise = {", *entries, "}"]


def noise_method(parts: TrainingParts, on: str) -> list[str]:
    """on: the text of an argument that says the device."""
    if parts.noise is None:
        return []
    turned = _turned(parts)
    made = parts.noise.call("position", "step", "key")
    inner = [
        "gradient = named[name].grad",
        "if gradient is None:",
        f"{INDENT}continue",
        *(["if axes is not None:", f"{INDENT}gradient = gradient.permute(axes)"] if turned else []),
        f"position = torch.arange(gradient.numel(), dtype=torch.int32{on})",
        "position = position.reshape(gradient.shape)",
        f"gradient += deviation * {made}",
    ]
    return [
        "    def add_noise(self, step, deviation):",
        '        """Normal noise on gradients, of the step and each number\'s place alone."""',
        f"        step = torch.as_tensor(step, dtype=torch.int32{on})",
        "        named = dict(self.model.named_parameters())",
        f"        for name, {'(key, axes)' if turned else 'key'} in self.noise.items():",
        *(INDENT * 3 + line for line in inner),
        "",
    ]


def _turned(parts: TrainingParts) -> bool:
    assert parts.noise is not None
    return any(parts.bindings[path].axes is not None for path in parts.noise.keys)
