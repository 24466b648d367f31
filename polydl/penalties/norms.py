"""Penalties on the size of parameters."""

from __future__ import annotations

from polydl import ops
from polydl.penalties.penalty import Penalty
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class L1(Penalty):
    """rate * sum |p|. Its derivative at 0 is 0.

    keras.regularizers.L1 is the same. Plain subgradient steps bring few numbers to exactly 0.
    """

    rate: float
    where: str | None = None

    def values(self, parameter: Tensor) -> Tensor:
        return ops.absolute(parameter)


@builtin()
class L2(Penalty):
    """rate * sum p².

    keras.regularizers.L2 is the same. torch's weight_decay, which is added to the gradient and not to
    the loss, is 2 rate. Decay that is no part of the gradient is another thing: dl.AdamW.
    """

    rate: float
    where: str | None = None

    def values(self, parameter: Tensor) -> Tensor:
        return ops.square(parameter)
