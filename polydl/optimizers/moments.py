from __future__ import annotations

from polydl.layers.checks import require_within
from polydl.optimizers.settings import Decaying, require_rate, rest
from polydl.spec.tensor import Tensor


class Moments(Decaying):
    """A rule with Adam's moments: m = β1 m + (1 - β1) g;  v = β2 v + (1 - β2) g²."""

    beta1: float
    beta2: float
    epsilon: float

    def __post_init__(self) -> None:
        require_rate(self)
        name = type(self).__name__
        require_within(name, 0.0, 1.0, beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon)
        self.check_decay()

    @property
    def slots(self) -> tuple[str, ...]:
        return ("first_moment", "second_moment")

    def moments(self, gradient: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        first_moment = self.beta1 * first + rest(self.beta1) * gradient
        second_moment = self.beta2 * second + rest(self.beta2) * gradient * gradient
        return first_moment, second_moment
