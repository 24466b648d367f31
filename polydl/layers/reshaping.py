from __future__ import annotations

from collections.abc import Sequence

from polydl import ops
from polydl.errors import DefinitionError, ShapeError
from polydl.layers.checks import integers, require_axes, require_positive, require_spatial
from polydl.program.sizes import Size
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor

Widths = int | tuple[int | tuple[int, int], ...]


@builtin()
class Reshape(Module):
    """(batch, ...) to (batch, *shape); one size may be -1: what is left. Row-major, as everywhere."""

    shape: Sequence[int] = ()

    def __post_init__(self) -> None:
        self.shape = integers("Reshape", shape=self.shape)
        sizes = [s for s in self.shape if s != -1]
        if len(self.shape) - len(sizes) > 1 or any(s < 1 for s in sizes):
            raise DefinitionError(f"Reshape: sizes are positive, one may be -1, got {self.shape}")

    def __call__(self, x: Tensor) -> Tensor:
        require_axes("Reshape", x, "batch", "...")
        return ops.reshape(x, (x.shape[0], *self.shape))


@builtin()
class Permute(Module):
    """The axes after the batch in another order, counted from 1: Permute((2, 1)) swaps two.

    Keras counts so too; torch's permute counts from 0, with the batch.
    """

    axes: Sequence[int] = ()

    def __post_init__(self) -> None:
        self.axes = integers("Permute", axes=self.axes)
        if sorted(self.axes) != list(range(1, len(self.axes) + 1)):
            raise DefinitionError(
                f"Permute: axes are 1 to {len(self.axes)} in some order, got {self.axes}"
            )

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim != len(self.axes) + 1:
            raise ShapeError(f"Permute orders {len(self.axes)} axes after the batch, got {x!r}")
        return ops.transpose(x, (0, *self.axes))


@builtin()
class ZeroPad(Module):
    """Zeros around the axes between batch and channels: of one width, or (before, after) of each."""

    widths: Widths = 1

    def __post_init__(self) -> None:
        _pairs("ZeroPad", self.widths, 1)

    def __call__(self, x: Tensor) -> Tensor:
        pairs = _pairs("ZeroPad", self.widths, x.ndim - 2)
        return ops.pad(x, ((0, 0), *pairs, (0, 0)))


@builtin()
class Crop(Module):
    """What is left without the edges of the axes between batch and channels; widths as for ZeroPad."""

    widths: Widths = 1

    def __post_init__(self) -> None:
        _pairs("Crop", self.widths, 1)

    def __call__(self, x: Tensor) -> Tensor:
        pairs = _pairs("Crop", self.widths, x.ndim - 2)
        for size, (low, high) in zip(x.shape[1:-1], pairs, strict=True):
            if isinstance(size, int) and low + high >= size:
                raise ShapeError(f"Crop: nothing is left of {x!r} without {self.widths}")
        cuts = [slice(low or None, -high or None) for low, high in pairs]
        return x[(slice(None), *cuts)]


@builtin()
class PixelShuffle(Module):
    """(batch, height, width, channels r²) to (batch, height r, width r, channels). Shi et al. 2016.

    A position's r² values of one channel become r rows of r pixels; the channels of x are in the order
    (channel, row, column), as in torch. TensorFlow's depth_to_space has (row, column, channel).
    """

    factor: int = 2

    def __post_init__(self) -> None:
        require_positive("PixelShuffle", factor=self.factor)

    def __call__(self, x: Tensor) -> Tensor:
        require_spatial("PixelShuffle", x, 2)
        batch, height, width, channels = x.shape
        r = self.factor
        if isinstance(channels, Size) or channels % (r * r):
            raise ShapeError(f"PixelShuffle: {r}² must divide the channels, got {x!r}")
        parts = ops.reshape(x, (batch, height, width, channels // (r * r), r, r))
        turned = ops.transpose(parts, (0, 1, 4, 2, 5, 3))
        return ops.reshape(turned, (batch, height * r, width * r, channels // (r * r)))


def _pairs(name: str, widths: Widths, rank: int) -> list[tuple[int, int]]:
    """(before, after) of each axis."""
    if rank < 1:
        raise ShapeError(f"{name} takes (batch, ..., channels), with axes between them")
    given = widths if isinstance(widths, (tuple, list)) else (widths,) * rank
    pairs = [tuple(w) if isinstance(w, (tuple, list)) else (w, w) for w in given]
    if any(len(p) != 2 or not all(type(s) is int and s >= 0 for s in p) for p in pairs):
        raise DefinitionError(
            f"{name}: widths are integers of 0 or more, one or (before, after), got {widths!r}"
        )
    if isinstance(widths, (tuple, list)) and rank > 1 and len(pairs) != rank:
        raise ShapeError(f"{name}: {len(pairs)} widths for {rank} axes between batch and channels")
    return [(low, high) for low, high in pairs]
