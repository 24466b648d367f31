from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_above_zero, require_within
from polydl.optimizers.settings import Decaying, Rate, require_rate, rest
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class RMSprop(Decaying):
    """s = ρ s + (1 - ρ) g²;  b = momentum b + g / (sqrt(s) + ε);  p = p - learning_rate b.

    Hinton 2012, lecture 6e of "Neural Networks for Machine Learning". centered: s - a² for s, with
    a = ρ a + (1 - ρ) g (Graves 2013). epsilon_inside: sqrt(s + ε) for sqrt(s) + ε; so it is in Keras,
    and in optax by default. torch has it outside. Keras and optax.rmsprop keep the learning rate
    inside b, which differs once the rate changes. Defaults of ρ differ: torch's 0.99, theirs 0.9.
    weight_decay: as SGD's.

    With centered, a long constant gradient makes s - a² a rounding error of either sign: put ε inside.
    """

    learning_rate: Rate = 0.01
    rho: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False
    epsilon_inside: bool = False
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        require_rate(self)
        require_within("RMSprop", 0.0, 1.0, rho=self.rho, momentum=self.momentum)
        require_above_zero("RMSprop", epsilon=self.epsilon)
        self.check_decay()

    @property
    def slots(self) -> tuple[str, ...]:
        wanted = {"mean_gradient": self.centered, "velocity": self.momentum}
        return ("mean_square", *(slot for slot, holds in wanted.items() if holds))

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        parameter, gradient = self.decayed(parameter, gradient)
        before = dict(zip(self.slots, slots, strict=True))
        mean_square = self.rho * before["mean_square"] + rest(self.rho) * gradient * gradient
        spread, after = mean_square, [mean_square]
        if self.centered:
            mean_gradient = self.rho * before["mean_gradient"] + rest(self.rho) * gradient
            spread = mean_square - mean_gradient * mean_gradient
            after.append(mean_gradient)
        inside = self.epsilon_inside
        root = ops.sqrt(spread + self.epsilon) if inside else ops.sqrt(spread) + self.epsilon
        direction = gradient / root
        if self.momentum:
            direction = self.momentum * before["velocity"] + direction
            after.append(direction)
        return parameter - self.learning_rate * direction, *after
