from __future__ import annotations

import math

from polydl import ops
from polydl.layers.checks import require_within
from polydl.optimizers.moments import Moments
from polydl.optimizers.settings import Rate
from polydl.program.sizes import Shape
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class NAdam(Moments):
    """Adam with Nesterov's momentum, which grows with the step (Dozat 2016):

    μ_t = β1 (1 - 0.96^(t momentum_decay) / 2);  m and v as Adam's;
    p = p - learning_rate (μ_{t+1} m / (1 - μ_1 ... μ_{t+1}) + (1 - μ_t) g / (1 - μ_1 ... μ_t))
        / (sqrt(v / (1 - β2^t)) + ε).

    torch does the same. Keras too, where momentum_decay is 1; optax.nadam keeps μ at β1.
    weight_decay: as SGD's.
    """

    learning_rate: Rate = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 0.004
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_within("NAdam", 0.0, math.inf, momentum_decay=self.momentum_decay)

    @property
    def slots(self) -> tuple[str, ...]:
        return (*super().slots, "momentum_product")

    def slot_shape(self, slot: str, shape: Shape) -> Shape:
        return () if slot == "momentum_product" else shape

    def slot_fill(self, slot: str) -> float:
        return 1.0 if slot == "momentum_product" else 0.0

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        parameter, gradient = self.decayed(parameter, gradient)
        *moments, product = slots
        count = step.astype("float")
        momentum = self._momentum(count)
        following = self._momentum(count + 1.0)
        product = product * momentum
        first_moment, second_moment = self.moments(gradient, *moments)
        ahead = following / (1.0 - product * following) * first_moment
        first = ahead + (1.0 - momentum) / (1.0 - product) * gradient
        second = second_moment / (1.0 - self.beta2**count)
        parameter = parameter - self.learning_rate * first / (ops.sqrt(second) + self.epsilon)
        return parameter, first_moment, second_moment, product

    def _momentum(self, count: Tensor) -> Tensor:
        return self.beta1 * (1.0 - 0.5 * 0.96 ** (count * self.momentum_decay))
