from __future__ import annotations

import dataclasses
from typing import ClassVar

from polydl import ops
from polydl.layers.checks import require_above_zero
from polydl.optimizers.settings import Decaying, Rate, require_rate
from polydl.program.sizes import Shape
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Adafactor(Decaying):
    """A second moment kept as the means of its rows and columns, and steps relative to the weights.

    β = 1 - t^(-decay_exponent);  R = β R + (1 - β) mean over columns of (g² + ε1), C the same over
    rows;  V = R C / mean(R);  U = g / sqrt(V), divided by max(1, rms(U) / clip_threshold);
    p = p (1 - learning_rate weight_decay);
    p = p - α U,  α = min(learning_rate, 1 / sqrt(t)) max(ε2, rms(p)), of the p that has decayed.

    Shazeer & Stern 2018, algorithms 4 and 5, without momentum. Rows and columns are the last two axes
    of the canonical shape: a kernel's inputs and outputs, for each place of a convolution's. factored
    False, and any parameter of one axis: V = β V + (1 - β) (g² + ε1). scale_parameter False: without
    max(ε2, rms(p)); relative_step False: learning_rate for the minimum.

    Keras does the same, with V in one product, which underflows in float32 where a row and a column
    have had no gradient: its weights become NaN. torch takes rms(p) before the decay, and bounds
    V and mean(R) from below where ε1 is added here. optax' t is in float32, in its rule for the
    largest two axes.
    """

    learning_rate: Rate = 0.01
    decay_exponent: float = 0.8
    epsilon1: float = 1e-30
    epsilon2: float = 1e-3
    clip_threshold: float = 1.0
    scale_parameter: bool = True
    relative_step: bool = True
    factored: bool = True
    weight_decay: float = 0.0
    decoupled = True
    elementwise: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_rate(self)
        require_above_zero(
            "Adafactor", decay_exponent=self.decay_exponent, epsilon1=self.epsilon1,
            epsilon2=self.epsilon2, clip_threshold=self.clip_threshold,
        )  # fmt: skip
        self.check_decay()

    @property
    def slots(self) -> tuple[str, ...]:
        return ("row_means", "column_means") if self.factored else ("second_moment",)

    def slot_shape(self, slot: str, shape: Shape) -> Shape:
        shapes = {
            "row_means": (*shape[:-1], 1),
            "column_means": (*shape[:-2], 1, *shape[-1:]),
        }
        return shapes.get(slot, shape)

    def for_parameter(self, path: str, shape: tuple[int, ...]) -> Adafactor:
        if len(shape) < 2 and self.factored:
            return dataclasses.replace(self, factored=False)
        return self

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        parameter, gradient = self.decayed(parameter, gradient)
        count = step.astype("float")
        share = count**-self.decay_exponent  # of the new in the means: 1 - β
        squares = gradient * gradient + self.epsilon1
        if self.factored:
            rows, columns = slots
            rows = (1.0 - share) * rows + share * ops.mean(squares, -1, keepdims=True)
            columns = (1.0 - share) * columns + share * ops.mean(squares, -2, keepdims=True)
            relative = rows / ops.mean(rows, -2, keepdims=True)
            # one after the other: their product may be too small for a float
            update = gradient * ops.rsqrt(relative) * ops.rsqrt(columns)
            after = [rows, columns]
        else:
            after = [(1.0 - share) * slots[0] + share * squares]
            update = gradient * ops.rsqrt(after[0])
        rate = self.learning_rate
        if self.relative_step:
            rate = ops.minimum(rate, ops.rsqrt(count))
        if self.scale_parameter:
            rate = rate * ops.maximum(self.epsilon2, _root_mean_square(parameter))
        size = _root_mean_square(update)
        if self.clip_threshold != 1.0:
            size = size / self.clip_threshold
        return parameter - rate / ops.maximum(1.0, size) * update, *after


def _root_mean_square(x: Tensor) -> Tensor:
    return ops.sqrt(ops.mean(x * x))
