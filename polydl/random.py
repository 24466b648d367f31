"""Random choices in definitions, and the portable hash that makes them equal everywhere."""

from __future__ import annotations

from polydl import ops
from polydl.program.sizes import Shape
from polydl.spec.registry import builtin_function
from polydl.spec.tensor import Tensor

_RESOLUTION_BITS = 24  # a float32 holds every integer below 2^24


def bernoulli(probability: float, shape: Shape) -> Tensor:
    """True with the given probability, independently at each position."""
    uniform = ops.shift_right_logical(ops.random_bits(shape), 32 - _RESOLUTION_BITS)
    return uniform < round(probability * 2**_RESOLUTION_BITS)


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
