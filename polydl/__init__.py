"""polydl writes the PyTorch, Keras and Flax that you would have written by hand, and proves that
they compute the same numbers.

Names are imported when first used, so that `import polydl` is quick and loads no framework.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "polydl.spec.module": ("Module", "Sequential"),
    "polydl.spec.input": ("Input",),
    "polydl.spec.initializers": ("initializer",),
    "polydl.spec.tracing": ("trace",),
    "polydl.spec.modes": ("when_training",),
    "polydl.program.types": ("Program",),
    "polydl.layers": (
        "AvgPool2D",
        "BatchNorm",
        "Conv2D",
        "Dense",
        "Dropout",
        "Embedding",
        "Flatten",
        "GlobalAvgPool2D",
        "LayerNorm",
        "MaxPool2D",
        "RMSNorm",
    ),
    "polydl.functions": ("gelu", "log_softmax", "relu", "sigmoid", "softmax", "tanh"),
    "polydl.ops": ("stop_gradient", "take", "take_along_axis", "where"),
    "polydl.losses": ("CrossEntropy", "Loss", "MSE"),
    "polydl.metrics": ("Accuracy", "Metric"),
    "polydl.optimizers": ("SGD", "Adam", "Optimizer"),
    "polydl.training.settings": ("Training",),
    "polydl.training.history": ("History",),
    "polydl.compile": ("compile", "load"),
    "polydl.net": ("Net",),
    "polydl.experiment": ("Experiment",),
    "polydl.compare": ("compare",),
}
_MODULES = {name: module for module, names in _WHERE.items() for name in names}
_SUBMODULES = ("errors", "functions", "layers", "losses", "metrics", "ops", "optimizers")

__all__ = ["__version__", *sorted(_MODULES), *_SUBMODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = getattr(importlib.import_module(_MODULES[name]), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"polydl.{name}")
    raise AttributeError(f"module 'polydl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Keeps `dl.compile` and `dl.compare` functions when modules of those names are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _MODULES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
