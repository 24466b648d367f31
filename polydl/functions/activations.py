"""Activation functions, elementwise."""

from __future__ import annotations

import math

from polydl import ops
from polydl.spec.registry import builtin_function
from polydl.spec.tensor import Tensor


@builtin_function()
def relu(x: Tensor) -> Tensor:
    """max(x, 0). Its derivative at 0 is 0, and NaN stays NaN, as in torch, Keras and JAX."""
    return ops.where(x <= 0, 0.0, x)


@builtin_function()
def gelu(x: Tensor, *, approximate: bool = False) -> Tensor:
    """x Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016).

    approximate: 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))). torch and Keras default to the exact
    form as we do, Flax to the approximate one.
    """
    if approximate:
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        return 0.5 * x * (1.0 + ops.tanh(inner))
    return 0.5 * x * (1.0 + ops.erf(x * math.sqrt(0.5)))


@builtin_function()
def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), written so that no x overflows or cancels."""
    positive = x >= 0
    e = ops.exp(ops.where(positive, -x, x))
    return ops.where(positive, 1.0, e) / (1.0 + e)


@builtin_function()
def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return ops.tanh(x)
