from __future__ import annotations

from polydl import ops
from polydl.functions.activations import SELU_ALPHA, SELU_SCALE
from polydl.layers.checks import require_within
from polydl.random import bernoulli
from polydl.spec.modes import when_training
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor

_SATURATION = SELU_SCALE * SELU_ALPHA  # -selu(-inf)


@builtin()
class AlphaDropout(Module):
    """Dropout for networks of SELU: in training an element is -s with probability `rate`, else x; then
    a * that + b, which keeps mean 0 and variance 1. Else x.

    s = 1.758099..., the limit of SELU, q = 1 - rate; a = (q (1 + rate s^2))^(-1/2), b = a rate s.
    Klambauer et al. 2017. The same as torch's and Keras' AlphaDropout; Flax has none.
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        require_within("AlphaDropout", 0.0, 1.0, rate=self.rate)

    def __call__(self, x: Tensor) -> Tensor:
        rate, keep = self.rate, 1.0 - self.rate
        scale = (keep * (1.0 + rate * _SATURATION**2)) ** -0.5
        shift = scale * rate * _SATURATION

        def drop() -> Tensor:
            kept = bernoulli(keep, x.shape)
            return ops.where(kept, scale * x + shift, shift - scale * _SATURATION)

        return when_training(drop, lambda: x)
