from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_within
from polydl.optimizers.settings import Decaying, Rate, require_rate, rest
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Lion(Decaying):
    """p = p (1 - learning_rate weight_decay) - learning_rate sign(β1 m + (1 - β1) g);
    m = β2 m + (1 - β2) g.

    Chen et al. 2023. Keras and optax.lion do the same; optax' weight_decay is 1e-3 by default. torch
    has none.
    """

    learning_rate: Rate = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0
    decoupled = True

    def __post_init__(self) -> None:
        require_rate(self)
        require_within("Lion", 0.0, 1.0, beta1=self.beta1, beta2=self.beta2)
        self.check_decay()

    @property
    def slots(self) -> tuple[str, ...]:
        return ("first_moment",)

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        parameter, gradient = self.decayed(parameter, gradient)
        direction = ops.sign(self.beta1 * slots[0] + rest(self.beta1) * gradient)
        first_moment = self.beta2 * slots[0] + rest(self.beta2) * gradient
        return parameter - self.learning_rate * direction, first_moment
