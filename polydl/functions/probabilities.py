"""Softmax and its logarithm, shifted by the maximum so that nothing overflows."""

from __future__ import annotations

from polydl import ops
from polydl.spec.registry import builtin_function
from polydl.spec.tensor import Tensor


@builtin_function()
def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """e^x_i / sum over the axis of e^x_j."""
    exponentials = ops.exp(x - ops.stop_gradient(ops.max(x, axis, keepdims=True)))
    return exponentials / ops.sum(exponentials, axis, keepdims=True)


@builtin_function()
def log_softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """x_i - log of the sum over the axis of e^x_j."""
    shifted = x - ops.stop_gradient(ops.max(x, axis, keepdims=True))
    return shifted - ops.log(ops.sum(ops.exp(shifted), axis, keepdims=True))
