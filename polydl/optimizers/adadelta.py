from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_above_zero, require_within
from polydl.optimizers.settings import Decaying, Rate, require_rate, rest
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Adadelta(Decaying):
    """s = ρ s + (1 - ρ) g²;  d = g sqrt(e + ε) / sqrt(s + ε);  e = ρ e + (1 - ρ) d²;
    p = p - learning_rate d.

    Zeiler 2012, where the learning rate is 1. torch, Keras and optax do the same; their defaults
    differ: Keras' are learning_rate 0.001, ρ 0.95 and ε 1e-7. weight_decay: as SGD's.
    """

    learning_rate: Rate = 1.0
    rho: float = 0.9
    epsilon: float = 1e-6
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        require_rate(self)
        require_within("Adadelta", 0.0, 1.0, rho=self.rho)
        require_above_zero("Adadelta", epsilon=self.epsilon)
        self.check_decay()

    @property
    def slots(self) -> tuple[str, ...]:
        return ("mean_square", "mean_square_change")

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        parameter, gradient = self.decayed(parameter, gradient)
        mean_square, mean_square_change = slots
        mean_square = self.rho * mean_square + rest(self.rho) * gradient * gradient
        root = ops.sqrt(mean_square + self.epsilon)
        change = gradient * ops.sqrt(mean_square_change + self.epsilon) / root
        mean_square_change = self.rho * mean_square_change + rest(self.rho) * change * change
        return parameter - self.learning_rate * change, mean_square, mean_square_change
