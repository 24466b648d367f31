from __future__ import annotations

from polydl import ops
from polydl.optimizers.moments import Moments
from polydl.optimizers.settings import Rate
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Adam(Moments):
    """m = β1 m + (1 - β1) g;  v = β2 v + (1 - β2) g²;
    p = p - learning_rate (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + ε).

    Kingma & Ba 2015, algorithm 1. torch and optax.adam do the same. Keras adds ε to the uncorrected
    root (the paper's "ε-hat"), which no constant makes equal.

    weight_decay: g = g + weight_decay p, as torch has it. AdamW decays decoupled. amsgrad: the
    largest v so far in the place of v (Reddi et al. 2018), corrected by the count of now. torch does
    the same, and Keras but for ε; optax.amsgrad keeps the largest v after its correction.
    """

    learning_rate: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    amsgrad: bool = False
    decoupled = False

    @property
    def slots(self) -> tuple[str, ...]:
        return (*super().slots, "largest_second_moment") if self.amsgrad else super().slots

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        parameter, gradient = self.decayed(parameter, gradient)
        first_moment, second_moment = self.moments(gradient, *slots[:2])
        largest = [ops.maximum(moment, second_moment) for moment in slots[2:]]
        count = step.astype("float")
        first = first_moment / (1.0 - self.beta1**count)
        second = (largest[0] if largest else second_moment) / (1.0 - self.beta2**count)
        parameter = parameter - self.learning_rate * first / (ops.sqrt(second) + self.epsilon)
        return parameter, first_moment, second_moment, *largest


@builtin()
class AdamW(Adam):
    """Adam with p = p (1 - learning_rate weight_decay) before the step.

    Loshchilov & Hutter 2019, where the decay is not times the learning rate; in torch, Keras and
    optax it is, and here. Defaults of weight_decay differ: torch's 0.01, Keras' 0.004, optax' 1e-4.
    """

    weight_decay: float = 0.01
    decoupled = True
