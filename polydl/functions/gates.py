"""Gated units: one half of an axis decides how much of the other passes."""

from __future__ import annotations

from polydl.errors import ShapeError
from polydl.functions.activations import gelu, sigmoid, silu
from polydl.primitives.record import normal_axis
from polydl.spec.registry import builtin_function
from polydl.spec.tensor import Tensor


@builtin_function()
def glu(x: Tensor, *, axis: int = -1) -> Tensor:
    """a sigmoid(b), a and b the halves of x along the axis (Dauphin et al. 2017).

    The second half is the gate, as in torch, JAX and Keras; in swiglu and geglu it is the first.
    """
    a, b = _halves("glu", x, axis)
    return a * sigmoid(b)


@builtin_function()
def swiglu(x: Tensor, *, axis: int = -1) -> Tensor:
    """silu(a) b, a and b the halves of x along the axis (Shazeer 2020; Llama's order)."""
    a, b = _halves("swiglu", x, axis)
    return silu(a) * b


@builtin_function()
def geglu(x: Tensor, *, axis: int = -1, approximate: bool = False) -> Tensor:
    """gelu(a) b, a and b the halves of x along the axis (Shazeer 2020). approximate: as for gelu."""
    a, b = _halves("geglu", x, axis)
    return gelu(a, approximate=approximate) * b


def _halves(name: str, x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    axis = normal_axis(name, axis, x.ndim)
    size = x.shape[axis]
    if not isinstance(size, int) or size % 2:
        raise ShapeError(f"{name} halves axis {axis}, which must have an even size, got {x!r}")
    before = (slice(None),) * axis
    return x[(*before, slice(size // 2))], x[(*before, slice(size // 2, None))]
