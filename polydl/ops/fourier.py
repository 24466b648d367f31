"""Discrete Fourier transforms. Programs have no complex numbers: these are pairs (real, imaginary)."""

from __future__ import annotations

from polydl.errors import ShapeError
from polydl.ops import definitions
from polydl.ops.shapes import moveaxis
from polydl.primitives.record import normal_axis
from polydl.program.sizes import same_shape
from polydl.spec.tensor import Tensor

Complex = tuple[Tensor, Tensor]


def fft(x: Complex, *, axis: int = -1) -> Complex:
    """The transform of an axis: X_k = sum over t of x_t e^(-2πi k t / n)."""
    return _back(definitions.fft(*_pair("fft", x, axis)), axis)


def ifft(x: Complex, *, axis: int = -1) -> Complex:
    """The inverse of `fft`."""
    return _back(definitions.ifft(*_pair("ifft", x, axis)), axis)


def rfft(x: Tensor, *, axis: int = -1) -> Complex:
    """The first n // 2 + 1 terms of the transform of real numbers; the others mirror them."""
    return _back(definitions.rfft(_last("rfft", x, axis)), axis)


def irfft(x: Complex, n: int | None = None, *, axis: int = -1) -> Tensor:
    """The inverse of `rfft`: n real numbers; by default as many as are even."""
    real, imaginary = _pair("irfft", x, axis)
    terms = int(real.shape[-1])
    n = 2 * (terms - 1) if n is None else n
    if n < 1 or n // 2 + 1 != terms:
        raise ShapeError(f"irfft: {n} numbers have {n // 2 + 1} terms, got {terms}")
    return moveaxis(definitions.irfft(real, imaginary, n=n), -1, axis)


def _back(x: Complex, axis: int) -> Complex:
    """The last axis where the transformed one was."""
    real, imaginary = x
    return moveaxis(real, -1, axis), moveaxis(imaginary, -1, axis)


def _pair(name: str, x: Complex, axis: int) -> Complex:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ShapeError(
            f"{name} takes a pair (real, imaginary), got {x!r}; of real numbers: ops.rfft(x), or "
            f"ops.{name}((x, ops.zeros_like(x)))"
        )
    real, imaginary = x
    if not same_shape(real.shape, imaginary.shape):
        raise ShapeError(f"{name}: the real part is {real!r}, the imaginary part {imaginary!r}")
    return _last(name, real, axis), _last(name, imaginary, axis)


def _last(name: str, x: Tensor, axis: int) -> Tensor:
    """x with the axis to transform as its last."""
    size = x.shape[normal_axis(name, axis, x.ndim)]
    if not isinstance(size, int) or size < 1:
        raise ShapeError(f"{name}: axis {axis} of {x!r} has no fixed size")
    return moveaxis(x, axis, -1)
