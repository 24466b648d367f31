"""Activation functions by name, for the layers that take one as an argument."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from polydl.errors import DefinitionError, nearest
from polydl.functions import activations, gates, probabilities
from polydl.functions.activations import gelu, silu
from polydl.spec.module import Module
from polydl.spec.registry import FUNCTIONS
from polydl.spec.tensor import Tensor

_MODULES = {module.__name__ for module in (activations, gates, probabilities)}
NAMED: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu_tanh": partial(gelu, approximate=True),
    "swish": silu,
    **{f.__name__: f for f in FUNCTIONS.values() if f.__module__ in _MODULES},
}


def named(activation: Any, layer: str) -> Callable[[Tensor], Tensor]:
    """The function that a layer's argument names, or is."""
    if callable(activation) and not isinstance(activation, (Module, type)):
        return activation  # type: ignore[no-any-return]
    if isinstance(activation, str) and activation in NAMED:
        return NAMED[activation]
    if isinstance(activation, Module) or _is_class(activation, Module):
        given, instead = f"the module {activation!r}", "Call a module after the layer"
    elif _is_class(activation, object):
        given, instead = f"the class {activation.__name__}", f"Write {activation.__name__}()"
    else:
        given, instead = "", ""
    if given:
        raise DefinitionError(
            f"{layer}: activation must be a name or a function, got {given}. {instead}"
        )
    raise DefinitionError(
        f"{layer}: unknown activation {activation!r}. {nearest(str(activation), list(NAMED))}"
    )


def _is_class(given: Any, base: type) -> bool:
    return isinstance(given, type) and issubclass(given, base)
