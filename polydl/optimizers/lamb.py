from __future__ import annotations

from typing import ClassVar

from polydl import ops
from polydl.optimizers.moments import Moments
from polydl.optimizers.settings import Rate
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class LAMB(Moments):
    """u = (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + ε) + weight_decay p, with Adam's m and v;
    p = p - learning_rate |p| / |u| u, over the whole parameter; 1 for |p| / |u| where either is 0.

    You et al. 2020, algorithm 2, with the identity as φ. optax.lamb does the same. In Keras the decay
    is not part of u; torch has none.
    """

    learning_rate: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-6
    weight_decay: float = 0.0
    decoupled = True
    elementwise: ClassVar[bool] = False

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        first_moment, second_moment = self.moments(gradient, *slots)
        count = step.astype("float")
        first = first_moment / (1.0 - self.beta1**count)
        second = second_moment / (1.0 - self.beta2**count)
        direction = first / (ops.sqrt(second) + self.epsilon)
        if self.weight_decay:
            direction = direction + self.weight_decay * parameter
        size, length = ops.norm(parameter), ops.norm(direction)
        moves = (size > 0.0) & (length > 0.0)
        trust = ops.where(moves, size / ops.where(moves, length, 1.0), 1.0)
        return parameter - self.learning_rate * trust * direction, first_moment, second_moment
