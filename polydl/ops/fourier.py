"""Discrete Fourier transforms. Programs have no complex numbers: these are pairs (real, imaginary)."""

from __future__ import annotations

from polydl.errors import ShapeError
from polydl.ops import definitions
from polydl.program.sizes import same_shape
from polydl.spec.tensor import Tensor

Complex = tuple[Tensor, Tensor]


def fft(x: Complex) -> Complex:
    """The transform of the last axis: X_k = sum over t of x_t e^(-2πi k t / n)."""
    return definitions.fft(*_pair("fft", x))


def ifft(x: Complex) -> Complex:
    """The inverse of `fft`."""
    return definitions.ifft(*_pair("ifft", x))


def rfft(x: Tensor) -> Complex:
    """The first n // 2 + 1 terms of the transform of real numbers; the others mirror them."""
    _length("rfft", x)
    return definitions.rfft(x)


def irfft(x: Complex, n: int | None = None) -> Tensor:
    """The inverse of `rfft`: n real numbers; by default as many as are even."""
    real, imaginary = _pair("irfft", x)
    terms = _length("irfft", real)
    n = 2 * (terms - 1) if n is None else n
    if n < 1 or n // 2 + 1 != terms:
        raise ShapeError(f"irfft: {n} numbers have {n // 2 + 1} terms, got {terms}")
    return definitions.irfft(real, imaginary, n=n)


def _pair(name: str, x: Complex) -> Complex:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ShapeError(
            f"{name} takes a pair (real, imaginary), got {x!r}; of real numbers: ops.rfft(x), or "
            f"ops.{name}((x, ops.zeros_like(x)))"
        )
    real, imaginary = x
    if not same_shape(real.shape, imaginary.shape):
        raise ShapeError(f"{name}: the real part is {real!r}, the imaginary part {imaginary!r}")
    _length(name, real)
    return real, imaginary


def _length(name: str, x: Tensor) -> int:
    size = x.shape[-1] if x.ndim else 0
    if not isinstance(size, int) or size < 1:
        raise ShapeError(f"{name}: the last axis of {x!r} has no fixed size")
    return size
