from __future__ import annotations

from polydl import ops
from polydl.errors import DefinitionError, ShapeError, nearest
from polydl.layers.checks import require_positive
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor

METHODS = ("nearest", "linear")


@builtin()
class Upsample(Module):
    """Each axis between batch and channels `factor` times as long.

    nearest: each value repeated. linear (bilinear of images): between the values at the two nearest
    positions. Where pixels are squares, position i of the output is (i + 1/2) / factor - 1/2, and the
    edge value counts beyond the edge: torch, Keras and JAX alike. align_corners: the first and last
    positions of both coincide, i (n - 1) / (factor n - 1); torch has both, Keras and JAX the first.
    """

    factor: int = 2
    method: str = "nearest"
    align_corners: bool = False

    def __post_init__(self) -> None:
        require_positive("Upsample", factor=self.factor)
        method = "linear" if self.method == "bilinear" else self.method
        if method not in METHODS:
            raise DefinitionError(
                f"Upsample: unknown method {self.method!r}. {nearest(str(method), list(METHODS))}"
            )
        if self.align_corners and method == "nearest":
            raise DefinitionError("Upsample: align_corners is of the linear method")
        self.method = method

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim < 3:
            raise ShapeError(f"Upsample takes (batch, ..., channels), got {x!r}")
        for axis in range(1, x.ndim - 1):
            if self.method == "nearest":
                index = ops.arange(x.shape[axis] * self.factor)
                x = ops.take(x, ops.floor_divide(index, self.factor), axis)
            else:
                x = self._stretched(x, axis)
        return x

    def _stretched(self, x: Tensor, axis: int) -> Tensor:
        size = x.shape[axis]
        index = ops.arange(size * self.factor).astype("float")
        if self.align_corners:
            last = ops.full((), 1.0) * ops.arange(size).astype("float")[-1]
            position = index * last / ops.maximum((last + 1.0) * self.factor - 1.0, 1.0)
        else:
            position = ops.maximum((index + 0.5) / self.factor - 0.5, 0.0)
        low = ops.floor(position)
        share = position - low
        shape = (size * self.factor, *(1,) * (x.ndim - 1 - axis))
        share = ops.reshape(share, shape)
        below = ops.take(x, low.astype("int"), axis)
        above = ops.take(x, low.astype("int") + 1, axis)
        return below * (1.0 - share) + above * share
