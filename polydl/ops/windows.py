"""Convolution and reductions over sliding windows."""

from __future__ import annotations

from typing import Any

from polydl.spec.apply import apply
from polydl.spec.tensor import Tensor


def conv(x: Tensor, kernel: Tensor, **attributes: Any) -> Tensor:
    """Convolution of channels-last x with kernel (window..., inputs / groups, outputs)."""
    return apply("conv", x, kernel, **attributes)


def conv_transpose(x: Tensor, kernel: Tensor, **attributes: Any) -> Tensor:
    """Transposed convolution of channels-last x with kernel (window..., outputs / groups, inputs)."""
    return apply("conv_transpose", x, kernel, **attributes)


def window_max(x: Tensor, **attributes: Any) -> Tensor:
    """Largest of each window."""
    return apply("window_max", x, **attributes)


def window_sum(x: Tensor, **attributes: Any) -> Tensor:
    """Sum of each window; padding counts as 0."""
    return apply("window_sum", x, **attributes)
