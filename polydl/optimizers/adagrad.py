from __future__ import annotations

import math

from polydl import ops
from polydl.layers.checks import require_above_zero, require_within
from polydl.optimizers.settings import Decaying, Rate, require_rate
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Adagrad(Decaying):
    """s = s + g², from initial_sum;  p = p - learning_rate g / (sqrt(s) + ε).

    Duchi, Hazan & Singer 2011. torch does the same. epsilon_inside: sqrt(s + ε) for sqrt(s) + ε; so
    it is in Keras and optax, whose s begins at 0.1. torch's lr_decay is a schedule here.
    weight_decay: as SGD's.
    """

    learning_rate: Rate = 0.01
    epsilon: float = 1e-10
    initial_sum: float = 0.0
    epsilon_inside: bool = False
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        require_rate(self)
        require_above_zero("Adagrad", epsilon=self.epsilon)
        require_within("Adagrad", 0.0, math.inf, initial_sum=self.initial_sum)
        self.check_decay()

    @property
    def slots(self) -> tuple[str, ...]:
        return ("sum_of_squares",)

    def slot_fill(self, slot: str) -> float:
        return self.initial_sum

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        parameter, gradient = self.decayed(parameter, gradient)
        total = slots[0] + gradient * gradient
        inside = self.epsilon_inside
        root = ops.sqrt(total + self.epsilon) if inside else ops.sqrt(total) + self.epsilon
        return parameter - self.learning_rate * gradient / root, total
