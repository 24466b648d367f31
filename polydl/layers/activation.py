"""Activations as layers: a function with its settings, ready for a Sequential or an attribute."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from polydl.errors import DefinitionError, nearest
from polydl.functions.named import NAMED, named
from polydl.spec.followed import Followed
from polydl.spec.module import Function
from polydl.spec.tensor import Tensor


class Activation(Function):
    """A function by name, or any function, with settings: dl.Activation("gelu", approximate=True).

    It has no parameters and is no Module: calling it is calling the function, and so it is emitted.
    """

    def __init__(self, function: str | Callable[..., Any], **settings: Any):
        self.function = named(function, type(self).__name__)
        self.settings = settings
        known = _settings(self.function)
        for name in settings if hasattr(self.function, "__wrapped__") else ():
            if name not in known:
                hint = nearest(name, known) if known else "It takes none"
                raise DefinitionError(f"{type(self).__name__} has no setting {name!r}. {hint}")

    def __call__(self, x: Tensor) -> Any:
        return self.function(x, **self.settings)


def _settings(function: Callable[..., Any]) -> list[str]:
    """What a built-in function takes by keyword alone."""
    return list(getattr(inspect.unwrap(function), "__kwdefaults__", None) or {})


class _Named(Activation):
    """One function as a layer. Settings in order or by name."""

    kind: ClassVar[str]

    def __init__(self, *values: Any, **settings: Any):
        order = _settings(NAMED[self.kind])
        if len(values) > len(order):
            raise DefinitionError(
                f"{type(self).__name__} takes {len(order)} settings, got {len(values)}"
            )
        super().__init__(self.kind, **dict(zip(order, values, strict=False)), **settings)


_NAMES = (
    "ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "Sigmoid", "LogSigmoid",
    "HardSigmoid", "Tanh", "HardTanh", "SiLU", "HardSwish", "Mish", "Softplus", "Softsign", "Softmax",
    "LogSoftmax", "GLU", "SwiGLU", "GEGLU",
)  # fmt: skip
_FLAT = {name.replace("_", ""): name for name in NAMED}


def _layer(name: str) -> type[Activation]:
    kind = _FLAT[name.lower()]
    return type(name, (_Named,), {"kind": kind, "__doc__": NAMED[kind].__doc__})


LAYERS: dict[str, type[Activation]] = {
    "Activation": Activation,
    **{name: _layer(name) for name in _NAMES},
}


class Activated(Followed):
    """A layer with an `activation`, which follows its call where the layer is used."""

    activation: str | Callable[..., Any] | None

    def follower(self) -> Callable[..., Any] | None:
        return None if self.activation is None else named(self.activation, type(self).__name__)

    def check_activation(self) -> None:
        Activated.follower(self)

    def config(self) -> dict[str, Any]:
        """Without the activation, which is not the layer's but its caller's."""
        return {k: v for k, v in super().config().items() if k != "activation"}
