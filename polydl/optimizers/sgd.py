from __future__ import annotations

from polydl.errors import DefinitionError
from polydl.layers.checks import require_within
from polydl.optimizers.optimizer import Optimizer
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class SGD(Optimizer):
    """Gradient descent: v = momentum v + g; p = p - learning_rate v.

    nesterov: p = p - learning_rate (g + momentum v). torch and optax.sgd do the same. Keras keeps
    the learning rate inside v, which differs once the rate changes.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        require_within("SGD", 0.0, float("inf"), learning_rate=self.learning_rate)
        require_within("SGD", 0.0, 1.0, momentum=self.momentum)
        if self.nesterov and not self.momentum:
            raise DefinitionError("SGD: nesterov needs a momentum above 0")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        if not slots:
            return (parameter - self.learning_rate * gradient,)
        velocity = self.momentum * slots[0] + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return parameter - self.learning_rate * direction, velocity
