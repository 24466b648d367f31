"""Keras' initializers for ours. First values come from NumPy; these are for who takes the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from polydl.program.types import Entry, Initializer, Program

# name -> (Keras' class, Keras' argument for each of ours)
_CLASSES: dict[str, tuple[str, Mapping[str, str]]] = {
    "constant": ("Constant", {"value": "value"}),
    "normal": ("RandomNormal", {"mean": "mean", "stddev": "stddev"}),
    "uniform": ("RandomUniform", {"low": "minval", "high": "maxval"}),
    "truncated_normal": ("TruncatedNormal", {"mean": "mean", "stddev": "stddev"}),
    "orthogonal": ("Orthogonal", {"gain": "gain"}),
}
_PLAIN = {
    "normal": "random_normal",  # Keras' defaults are ours: mean 0, deviation 0.05
    "uniform": "random_uniform",
    "truncated_normal": "truncated_normal",
    "orthogonal": "orthogonal",
}


def initializer_text(initializer: Initializer, rank: int = 2) -> str:
    """The argument of `add_weight` or of a layer."""
    name, arguments = initializer.name, initializer.arguments
    if rank < 2 and name == "orthogonal":  # Keras takes matrices only
        name, arguments = "zeros", {}
    if name in _CLASSES and (arguments or name not in _PLAIN):
        cls, names = _CLASSES[name]
        given = ", ".join(f"{names[key]}={value!r}" for key, value in arguments.items())
        return f"keras.initializers.{cls}({given})"
    return f'"{_PLAIN.get(name, name)}"'


def without_orthogonal(program: Program) -> Program:
    """The text draws Glorot's uniform in its place: TensorFlow's QR takes no bfloat16."""
    glorot = Initializer("glorot_uniform")
    entries = {
        path: replace(entry, initializer=glorot)
        if entry.initializer.name == "orthogonal"
        else entry
        for path, entry in program.entries.items()
    }
    return replace(program, entries=entries)


def option(argument: str, entry: Entry | None, default: str) -> str:
    """`, kernel_initializer=...`, where it is not what the layer does anyway."""
    if entry is None:
        return ""
    text = initializer_text(entry.initializer, len(entry.shape))
    return "" if text == f'"{default}"' else f", {argument}_initializer={text}"
