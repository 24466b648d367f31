"""Activation functions, elementwise. None overflows, nor gives NaN for a number, at any x.

Where a function has a kink its derivative there is stated: frameworks differ.
"""

from __future__ import annotations

import math

from polydl import ops
from polydl.errors import DefinitionError
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


@builtin_function()
def relu6(x: Tensor) -> Tensor:
    """min(max(x, 0), 6). Its derivative at 0 and 6 is 0, as in torch and TensorFlow; JAX has 1/2."""
    return ops.where(x <= 0, 0.0, ops.where(x >= 6, 6.0, x))


@builtin_function()
def leaky_relu(x: Tensor, *, slope: float = 0.01) -> Tensor:
    """x where x > 0, else slope x (Maas et al. 2013). Its derivative at 0 is the slope; JAX gives 1.

    The slope is 0.01 in torch and JAX, 0.2 in keras.ops and 0.3 in Keras' layer.
    """
    return ops.where(x > 0, x, slope * x)


@builtin_function()
def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha (e^x - 1). Clevert et al. 2016. Its derivative at 0 is alpha."""
    return ops.where(x > 0, x, alpha * (ops.exp(ops.where(x > 0, 0.0, x)) - 1.0))


SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


@builtin_function()
def selu(x: Tensor) -> Tensor:
    """scale elu(x, alpha); both keep mean 0 and variance 1 (Klambauer et al. 2017)."""
    return SELU_SCALE * elu(x, alpha=SELU_ALPHA)


@builtin_function()
def celu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha (e^(x / alpha) - 1): smooth at 0 for every alpha (Barron 2017)."""
    _require_above_zero("alpha", alpha)
    return ops.where(x > 0, x, alpha * (ops.exp(ops.where(x > 0, 0.0, x) / alpha) - 1.0))


@builtin_function()
def softplus(x: Tensor) -> Tensor:
    """log(1 + e^x), written so that no x overflows."""
    return ops.maximum(x, 0.0) + ops.log(1.0 + ops.exp(-abs(x)))


@builtin_function()
def log_sigmoid(x: Tensor) -> Tensor:
    """log(1 / (1 + e^-x)), finite for every x."""
    return -softplus(-x)


@builtin_function()
def hard_sigmoid(x: Tensor, *, slope: float = 1 / 6) -> Tensor:
    """slope x + 1/2, kept within 0 and 1; its derivative is 0 where it reaches them.

    The slope is 1/6 in torch, JAX and Keras 3 (Howard et al. 2019), 0.2 in Theano, Keras 2 and ONNX.
    """
    _require_above_zero("slope", slope)
    end = 0.5 / slope
    return ops.where(x <= -end, 0.0, ops.where(x >= end, 1.0, slope * x + 0.5))


@builtin_function()
def hard_tanh(x: Tensor) -> Tensor:
    """x kept within -1 and 1. Its derivative there is 0, as in torch; JAX and TensorFlow give 1."""
    return ops.where(x <= -1, -1.0, ops.where(x >= 1, 1.0, x))


@builtin_function()
def silu(x: Tensor) -> Tensor:
    """x sigmoid(x), also called swish (Elfwing et al. 2018; Ramachandran et al. 2017)."""
    return x * sigmoid(x)


@builtin_function()
def hard_swish(x: Tensor) -> Tensor:
    """x relu6(x + 3) / 6 (Howard et al. 2019). Its derivative is 0 at -3 and 1 at 3."""
    return x * relu6(x + 3.0) / 6.0


@builtin_function()
def mish(x: Tensor) -> Tensor:
    """x tanh(softplus(x)) (Misra 2020)."""
    return x * tanh(softplus(x))


@builtin_function()
def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return x / (1.0 + abs(x))


def _require_above_zero(setting: str, value: float) -> None:
    if value <= 0:
        raise DefinitionError(f"{setting} must be above 0, got {value!r}")
