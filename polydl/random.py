"""Random choices in definitions, and the portable hash that makes them equal everywhere."""

from __future__ import annotations

from polydl import ops
from polydl.ops.random import bernoulli
from polydl.spec.registry import builtin_function
from polydl.spec.tensor import Tensor

__all__ = ["bernoulli", "hash_bits", "mix"]


@builtin_function()
def mix(x: Tensor) -> Tensor:
    """A bijective 32-bit mix of int32 (Wellons' low-bias hash)."""
    x = x ^ ops.shift_right_logical(x, 16)
    x = x * 0x7FEB352D
    x = x ^ ops.shift_right_logical(x, 15)
    x = x * (0x846CA68B - 2**32)
    return x ^ ops.shift_right_logical(x, 16)


@builtin_function()
def hash_bits(position: Tensor, step: Tensor, *, site: int = 0) -> Tensor:
    """Uniform int32 keyed by (site, step, position), equal on every backend, bit for bit.

    mix(mix(position ^ site) ^ key) with key = mix(mix(step) + site). site is a hash of the seed, the
    layer's path and the call's number.
    """
    key = mix(mix(step) + site)
    return mix(mix(position ^ site) ^ key)
