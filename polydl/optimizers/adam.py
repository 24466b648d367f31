from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_within
from polydl.optimizers.optimizer import Optimizer
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Adam(Optimizer):
    """m = β1 m + (1 - β1) g;  v = β2 v + (1 - β2) g²;
    p = p - learning_rate (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + ε).

    Kingma & Ba 2015, algorithm 1. torch and optax.adam do the same. Keras adds ε to the uncorrected
    root (the paper's "ε-hat"), which no constant makes equal.
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        require_within("Adam", 0.0, float("inf"), learning_rate=self.learning_rate)
        require_within("Adam", 0.0, 1.0, beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("first_moment", "second_moment")

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        first_moment, second_moment = slots
        first_moment = self.beta1 * first_moment + (1.0 - self.beta1) * gradient
        second_moment = self.beta2 * second_moment + (1.0 - self.beta2) * gradient * gradient
        count = step.astype("float")
        first = first_moment / (1.0 - self.beta1**count)
        second = second_moment / (1.0 - self.beta2**count)
        parameter = parameter - self.learning_rate * first / (ops.sqrt(second) + self.epsilon)
        return parameter, first_moment, second_moment
