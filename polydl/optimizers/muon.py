from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import ClassVar, Literal

from polydl import ops
from polydl.errors import DefinitionError, nearest
from polydl.layers.checks import require_above_zero, require_positive, require_within
from polydl.optimizers.adam import AdamW
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.settings import Decaying, Rate, require_rate
from polydl.spec.registry import builtin, builtin_function
from polydl.spec.tensor import Tensor

ADJUSTMENTS = ("original", "match_rms_adamw")


@builtin_function()
def newton_schulz(x: Tensor, *, coefficients: tuple[float, float, float]) -> Tensor:
    """a X + (b A + c A²) X with A = X Xᵀ: singular values s become a s + b s³ + c s⁵."""
    a, b, c = coefficients
    squares = x @ ops.transpose(x)
    return a * x + (b * squares + c * squares @ squares) @ x


@builtin()
class Muon(Decaying):
    """Momentum made orthogonal, for matrices; AdamW for all other parameters.

    v = momentum v + g;  u = g + momentum v (nesterov; else v);  X = u / (|u| + ε);
    `iterations` times: A = X Xᵀ, X = a X + (b A + c A²) X, with (a, b, c) = coefficients (quintic
    Newton-Schulz);
    p = p (1 - learning_rate weight_decay) - learning_rate s X, where s is
    sqrt(max(1, outputs / inputs)) for adjustment "original" and
    0.2 sqrt(max(inputs, outputs)) for "match_rms_adamw", at which AdamW's rates suit it.

    Jordan et al. 2024; the second adjustment by Liu et al. 2025. A parameter of several axes is the
    matrix (all but the last, the last): a convolution's kernel is (height width inputs, outputs).
    Parameters of fewer than two axes, and those whose path fits a pattern of `exclude`, get AdamW
    with the settings adamw_..., at learning_rate times adamw_rate. The default patterns are those of
    embeddings' tables and of a last layer called head.

    torch.optim.Muon iterates in bfloat16, and takes nothing but matrices. Keras' adds no "original"
    adjustment; optax.contrib.muon corrects the momentum's bias.
    """

    learning_rate: Rate = 0.02
    momentum: float = 0.95
    nesterov: bool = True
    weight_decay: float = 0.0
    adjustment: Literal["original", "match_rms_adamw"] = "original"
    iterations: int = 5
    coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315)
    epsilon: float = 1e-7
    exclude: Sequence[str] = ("*table", "*head*")
    adamw_rate: float = 1.0
    adamw_beta1: float = 0.9
    adamw_beta2: float = 0.95
    adamw_epsilon: float = 1e-8
    decoupled = True
    elementwise: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_rate(self)
        require_within("Muon", 0.0, 1.0, momentum=self.momentum)
        require_within("Muon", 0.0, math.inf, adamw_rate=self.adamw_rate)
        require_positive("Muon", iterations=self.iterations)
        require_above_zero("Muon", epsilon=self.epsilon)
        self.check_decay()
        if self.adjustment not in ADJUSTMENTS:
            raise DefinitionError(
                f"Muon: there is no adjustment {self.adjustment!r}. "
                f"{nearest(str(self.adjustment), list(ADJUSTMENTS))}"
            )
        if len(self.coefficients) != 3:
            raise DefinitionError(f"Muon: three coefficients are needed, got {self.coefficients!r}")
        if isinstance(self.exclude, str):
            raise DefinitionError(f"Muon: exclude must be a list of patterns, got {self.exclude!r}")
        self._adamw()

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",)

    def for_parameter(self, path: str, shape: tuple[int, ...]) -> Optimizer:
        return self if self._is_matrix(path, shape) else self._adamw()

    def rate_for(self, path: str, shape: tuple[int, ...]) -> float:
        return 1.0 if self._is_matrix(path, shape) else self.adamw_rate

    def _is_matrix(self, path: str, shape: tuple[int, ...]) -> bool:
        return len(shape) > 1 and not any(fnmatchcase(path, e) for e in self.exclude)

    def _adamw(self) -> AdamW:
        beta1, beta2, epsilon = self.adamw_beta1, self.adamw_beta2, self.adamw_epsilon
        return AdamW(self.learning_rate, beta1, beta2, epsilon, self.weight_decay)

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        parameter, gradient = self.decayed(parameter, gradient)
        velocity = self.momentum * slots[0] + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        *inner, outputs = parameter.shape
        inputs = math.prod(inner)
        flat = len(inner) > 1
        update = self._orthogonal(ops.reshape(direction, (inputs, outputs)) if flat else direction)
        if self.adjustment == "original":
            scale = math.sqrt(max(1.0, outputs / inputs))
        else:
            scale = 0.2 * math.sqrt(max(inputs, outputs))
        update = ops.reshape(update, parameter.shape) if flat else update
        update = update if scale == 1.0 else scale * update
        return parameter - self.learning_rate * update, velocity

    def _orthogonal(self, x: Tensor) -> Tensor:
        """Near the closest matrix whose singular values are 1."""
        tall = x.shape[0] > x.shape[1]
        x = ops.transpose(x) if tall else x  # for the smaller product
        x = x / (ops.norm(x) + self.epsilon)
        for _ in range(self.iterations):
            x = newton_schulz(x, coefficients=tuple(self.coefficients))
        return ops.transpose(x) if tall else x
