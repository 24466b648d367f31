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
    "polydl.layers.bidirectional": ("Bidirectional",),
    "polydl.layers.merging": ("Residual",),
    "polydl.layers.reparametrized": ("SpectralNorm", "WeightNorm"),
    "polydl.spec.regions": ("associative_scan", "map", "remat", "scan"),
    "polydl.program.types": ("Program",),
    "polydl.ops": ("stop_gradient", "take", "take_along_axis", "where"),
    "polydl.training.checkpoint": ("Checkpoint",),
    "polydl.training.noise": ("GradientNoise",),
    "polydl.training.groups": ("ParameterGroup",),
    "polydl.training.loss_scale": ("LossScale",),
    "polydl.training.settings": ("Training",),
    "polydl.sources.source": ("Source",),
    "polydl.sources.columns": ("Columns",),
    "polydl.training.history": ("History",),
    "polydl.training.run": ("Run",),
    "polydl.compile": ("compile", "load"),
    "polydl.net": ("Net",),
    "polydl.experiment": ("Experiment",),
    "polydl.compare": ("compare",),
    "polydl.diagnostics.derivatives": ("check_derivatives",),
    "polydl.diagnostics.gradient_report": ("check_gradients",),
    "polydl.diagnostics.learning_rate": ("find_lr",),
    "polydl.diagnostics.overfit": ("overfit_one_batch",),
}
_MODULES = {name: module for module, names in _WHERE.items() for name in names}
# their own modules say what they offer: see polydl.discovery
_PACKAGES = (
    "layers",
    "functions",
    "losses",
    "metrics",
    "optimizers",
    "penalties",
    "schedules",
    "augment",
    "averages",
    "callbacks",
)
_SUBMODULES = ("errors", "models", "ops", *_PACKAGES)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = getattr(importlib.import_module(_MODULES[name]), name)
    elif name in _SUBMODULES:
        return importlib.import_module(f"polydl.{name}")
    elif name == "__all__":
        return __dir__()
    elif name.startswith("_"):
        raise AttributeError(f"module 'polydl' has no attribute {name!r}")
    else:
        value = _part(name)
    globals()[name] = value
    return value


def _part(name: str) -> Any:
    """A layer, function, loss, metric or optimizer."""
    for package in _PACKAGES:
        module = importlib.import_module(f"polydl.{package}")
        if name in module.__all__:
            return getattr(module, name)
    from polydl.errors import nearest

    raise AttributeError(f"module 'polydl' has no attribute {name!r}. {nearest(name, __dir__())}")


def __dir__() -> list[str]:
    parts = (importlib.import_module(f"polydl.{package}").__all__ for package in _PACKAGES)
    return sorted(
        {"__version__", *_MODULES, *_SUBMODULES, *(name for names in parts for name in names)}
    )


class _Package(ModuleType):
    """Keeps `dl.compile` and `dl.compare` functions when modules of those names are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _MODULES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
