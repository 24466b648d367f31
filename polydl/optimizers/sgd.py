from __future__ import annotations

from polydl.errors import DefinitionError
from polydl.layers.checks import require_within
from polydl.optimizers.settings import Decaying, Rate, require_rate
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class SGD(Decaying):
    """Gradient descent: v = momentum v + (1 - dampening) g; p = p - learning_rate v.

    nesterov: p = p - learning_rate (g + momentum v). dampening: not of the first gradient, with
    which v begins. weight_decay: g = g + weight_decay p; decoupled: p = p (1 - learning_rate
    weight_decay) instead. torch does the same; optax.sgd too, without dampening. Keras keeps the
    learning rate inside v, which differs once the rate changes.
    """

    learning_rate: Rate = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    dampening: float = 0.0
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        require_rate(self)
        require_within("SGD", 0.0, 1.0, momentum=self.momentum, dampening=self.dampening)
        self.check_decay()
        if self.nesterov and (not self.momentum or self.dampening):
            raise DefinitionError("SGD: nesterov needs a momentum above 0 and no dampening")
        if self.dampening and not self.momentum:
            raise DefinitionError("SGD: dampening is about momentum, which is 0")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        parameter, gradient = self.decayed(parameter, gradient)
        if not slots:
            return (parameter - self.learning_rate * gradient,)
        if self.dampening:
            later = (step > 1).astype("float")
            velocity = self.momentum * slots[0] + (1.0 - self.dampening * later) * gradient
        else:
            velocity = self.momentum * slots[0] + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return parameter - self.learning_rate * direction, velocity
