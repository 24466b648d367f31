"""Independent formulas of activations, on Python floats, written in other ways than definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from polydl.conformance.expectations import elementwise

Scalar = Callable[[float], float]
Array = np.ndarray[Any, Any]


def clipped(low: float, high: float, scale: float = 1.0, shift: float = 0.0) -> Scalar:
    return lambda x: sorted((low, scale * x + shift, high))[1]


def leaky_relu(slope: float) -> Scalar:
    return lambda x: max(x, 0.0) + slope * min(x, 0.0)


def elu(alpha: float) -> Scalar:
    return lambda x: max(x, 0.0) + alpha * math.expm1(min(x, 0.0))


def selu(x: float) -> float:
    """The constants from the fixed point's equations in the paper, not its digits."""
    alpha = -math.sqrt(2 / math.pi) / (math.erfc(math.sqrt(0.5)) * math.exp(0.5) - 1)
    e = math.e
    scale = (
        (1 - math.erfc(math.sqrt(0.5)) * math.sqrt(e))
        * math.sqrt(2 * math.pi)
        / math.sqrt(
            2 * math.erfc(math.sqrt(2)) * e**2
            + math.pi * math.erfc(math.sqrt(0.5)) ** 2 * e
            - 2 * (2 + math.pi) * math.erfc(math.sqrt(0.5)) * math.sqrt(e)
            + math.pi
            + 2
        )
    )
    return scale * elu(alpha)(x)


def celu(alpha: float) -> Scalar:
    return lambda x: max(x, 0.0) + alpha * math.expm1(min(x, 0.0) / alpha)


def softplus(x: float) -> float:
    return float(np.logaddexp(0.0, x))


def log_sigmoid(x: float) -> float:
    return -float(np.logaddexp(0.0, -x))


def silu(x: float) -> float:
    """By the half angle: sigmoid(x) = (1 + tanh(x / 2)) / 2."""
    return 0.5 * x * (1 + math.tanh(0.5 * x))


def hard_swish(x: float) -> float:
    return x * clipped(0.0, 1.0, 1 / 6, 0.5)(x)


def mish(x: float) -> float:
    """tanh(log(1 + w)) = (w^2 + 2 w) / (w^2 + 2 w + 2) with w = e^x."""
    w = math.exp(min(x, 300.0))
    return x * (1 - 2 / (w * w + 2 * w + 2))


def softsign(x: float) -> float:
    return math.copysign(1 - 1 / (1 + abs(x)), x)


def gated(gate: Scalar, axis: int = -1, gate_last: bool = False) -> Callable[..., Array]:
    """One half of the axis by a function of the other."""

    def formula(w: Any, x: Array, training: bool) -> Array:
        first, second = np.split(x, 2, axis)
        passed, gates = (first, second) if gate_last else (second, first)
        result: Array = passed * elementwise(gate)(w, gates, training)
        return result

    return formula
