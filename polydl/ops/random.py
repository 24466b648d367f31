"""Random arrays: each call draws anew; equal on every backend with portable randomness."""

from __future__ import annotations

import math

from polydl.errors import DefinitionError
from polydl.ops.elementwise import cos, log, shift_right_logical, sqrt
from polydl.ops.picking import argsort
from polydl.primitives.record import sizes
from polydl.program.sizes import AnySize, Shape
from polydl.spec.apply import apply
from polydl.spec.tensor import Tensor

_RESOLUTION_BITS = 24  # a float32 holds every integer below 2^24


def random_bits(shape: Shape) -> Tensor:
    """Independent uniform int32; new ones at each call."""
    return apply("random_bits", shape=sizes("a random array", shape))


def random_uniform(shape: Shape, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Uniform floats from low up to, but not including, high, in steps of (high - low) / 2^24."""
    if not number("random_uniform: low", low) <= number("random_uniform: high", high):
        raise DefinitionError(f"random_uniform: low {low} is above high {high}")
    uniform = _uniform(shape).astype("float") * ((high - low) * 2.0**-_RESOLUTION_BITS)
    return uniform + low if low else uniform


def random_normal(shape: Shape, mean: float = 0.0, stddev: float = 1.0) -> Tensor:
    """Normal floats, by Box & Muller 1958."""
    if number("random_normal: stddev", stddev) < 0:
        raise DefinitionError(f"random_normal: stddev must be 0 or more, got {stddev}")
    number("random_normal: mean", mean)
    radius = sqrt(-2.0 * log(1.0 - random_uniform(shape)))
    normal = radius * cos(random_uniform(shape, high=2 * math.pi))
    normal = normal * stddev if stddev != 1 else normal
    return normal + mean if mean else normal


def bernoulli(probability: float, shape: Shape) -> Tensor:
    """True with the given probability, independently at each position."""
    if not 0 <= number("bernoulli: the probability", probability) <= 1:
        raise DefinitionError(f"bernoulli: the probability is from 0 to 1, got {probability}")
    uniform = _uniform(shape)
    return uniform < round(probability * 2**_RESOLUTION_BITS)


def random_permutation(size: AnySize) -> Tensor:
    """0, 1, ..., size - 1 in random order."""
    return argsort(random_bits((size,)))


def number(what: str, given: object) -> float:
    """A finite number."""
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
        raise DefinitionError(f"{what} must be a finite number, got {given!r}")
    return given


def _uniform(shape: Shape) -> Tensor:
    """Uniform integers from 0 to 2^24 - 1."""
    return shift_right_logical(random_bits(shape), 32 - _RESOLUTION_BITS)
