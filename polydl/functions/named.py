"""Activation functions by name, for the layers that take one as an argument."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from polydl.errors import DefinitionError, nearest
from polydl.functions.activations import gelu, relu, sigmoid, tanh
from polydl.spec.tensor import Tensor

NAMED: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": relu,
    "gelu": gelu,
    "gelu_tanh": partial(gelu, approximate=True),
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "tanh": tanh,
}


def named(activation: Any, layer: str) -> Callable[[Tensor], Tensor]:
    """The function that a layer's argument names."""
    if activation not in NAMED:
        raise DefinitionError(
            f"{layer}: unknown activation {activation!r}. {nearest(str(activation), list(NAMED))}"
        )
    return NAMED[activation]
