from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_within
from polydl.optimizers.settings import Decaying, Rate, require_rate, rest
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Adamax(Decaying):
    """m = β1 m + (1 - β1) g;  u = max(β2 u, |g| + ε);
    p = p - learning_rate (m / (1 - β1^t)) / u.

    Kingma & Ba 2015, algorithm 2, which has no ε. torch and optax.adamax do the same; Keras adds ε
    to u in the quotient. weight_decay: as SGD's.
    """

    learning_rate: Rate = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        require_rate(self)
        require_within("Adamax", 0.0, 1.0, beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon)
        self.check_decay()

    @property
    def slots(self) -> tuple[str, ...]:
        return ("first_moment", "largest_gradient")

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        parameter, gradient = self.decayed(parameter, gradient)
        first_moment, largest = slots
        first_moment = self.beta1 * first_moment + rest(self.beta1) * gradient
        largest = ops.maximum(self.beta2 * largest, ops.abs(gradient) + self.epsilon)
        first = first_moment / (1.0 - self.beta1 ** step.astype("float"))
        return parameter - self.learning_rate * first / largest, first_moment, largest
