from __future__ import annotations

import math

from polydl import ops
from polydl.errors import DefinitionError
from polydl.optimizers.moments import Moments
from polydl.optimizers.settings import Rate, rest
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class RAdam(Moments):
    """Adam whose step is rectified while v rests on few gradients (Liu et al. 2020):

    ρ_∞ = 2 / (1 - β2) - 1;  ρ = ρ_∞ - 2 t β2^t / (1 - β2^t);  m and v as Adam's, m' = m / (1 - β1^t);
    ρ > 5:  p = p - learning_rate r m' sqrt(1 - β2^t) / (sqrt(v) + ε), where
            r = sqrt((ρ - 4) (ρ - 2) ρ_∞ / ((ρ_∞ - 4) (ρ_∞ - 2) ρ));
    else:   p = p - learning_rate m'.

    As in the authors' program (the paper has no ε, and 4 for 5) and in torch. optax.radam adds ε to
    the corrected root; Keras has none. weight_decay: as SGD's.
    """

    learning_rate: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beta2 <= 0.6:
            raise DefinitionError(f"RAdam: beta2 must be above 0.6, got {self.beta2!r}")

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        parameter, gradient = self.decayed(parameter, gradient)
        first_moment, second_moment = self.moments(gradient, *slots)
        count = step.astype("float")
        first = first_moment / (1.0 - self.beta1**count)
        # 1 - beta2^t without the digits that it loses in single precision, where ρ is near 5
        correction = -ops.expm1(count * math.log(self.beta2))
        longest = 2.0 / rest(self.beta2) - 1.0
        length = longest - 2.0 * count * (1.0 - correction) / correction
        known = length > 5.0
        safe = ops.where(known, length, 5.0)
        share = longest / ((longest - 4.0) * (longest - 2.0))
        rectified = ops.sqrt(share * (safe - 4.0) * (safe - 2.0) / safe * correction)
        scale = ops.where(known, rectified / (ops.sqrt(second_moment) + self.epsilon), 1.0)
        return parameter - self.learning_rate * first * scale, first_moment, second_moment
