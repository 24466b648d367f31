"""Rows of layers that put together, reorder, pad and stretch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polydl import layers
from polydl.conformance.expectations import Array
from polydl.conformance.row import COMPOSITE, Part, Row, Weights, plain, several
from polydl.conformance.samplers import normal
from polydl.layers.merging import Residual
from polydl.spec.input import Input
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


def _items(names: str) -> tuple[str, ...]:
    return tuple(f"polydl:{name}@1" for name in names.split())


def _part(make: Callable[[], Any], formula: Callable[[Array], Array]) -> Part:
    return Part(make, lambda w, x, training: formula(x))


def _shuffled(x: Array) -> Array:
    batch, height, width, channels = x.shape
    y = np.empty((batch, 2 * height, 2 * width, channels // 4))
    for i, j, c in np.ndindex(y.shape[1:]):
        y[:, i, j, c] = x[:, i // 2, j // 2, 4 * c + 2 * (i % 2) + j % 2]
    return y


def _stretched(x: Array, factor: int, align_corners: bool = False) -> Array:
    """np.interp along each axis between batch and channels, pixel centres at half positions."""
    for axis in range(1, x.ndim - 1):
        n = x.shape[axis]
        new = np.arange(factor * n)
        at = new * (n - 1) / max(factor * n - 1, 1) if align_corners else (new + 0.5) / factor - 0.5
        lines = np.moveaxis(x, axis, -1)
        y = [np.interp(at, np.arange(n), v) for v in lines.reshape(-1, n)]
        x = np.moveaxis(np.reshape(y, (*lines.shape[:-1], factor * n)), -1, axis)
    return x


class Merging(Module):
    def __init__(self) -> None:
        self.columns = layers.Concatenate()
        self.rows = layers.Concatenate(axis=1)
        self.add = layers.Add()
        self.multiply = layers.Multiply()

    def __call__(self, a: Tensor, b: Tensor) -> dict[str, Any]:
        return {
            "concatenate": self.columns(a, b),
            "concatenate_rows": self.rows(a, b, a),
            "add": self.add(a, b, a),
            "multiply": self.multiply(a, b),
        }


def _merged_expected(a: Array, b: Array) -> dict[str, Array]:
    return {
        "concatenate": np.dstack([a, b]),
        "concatenate_rows": np.hstack([a, b, a]),
        "add": 2 * a + b,
        "multiply": np.einsum("bij,bij->bij", a, b),
    }


def _projected(w: Weights, x: Array, training: bool) -> Array:
    return x @ (w["inner.kernel"] + w["shortcut.kernel"]) + w["inner.bias"] + w["shortcut.bias"]


ROWS: tuple[Row, ...] = (
    Row(
        "merging", _items("Concatenate Add Multiply"), Merging,
        (Input((None, 2, 3)), Input((None, 2, 3))), (normal(2, 2, 3), normal(2, 2, 3)),
        plain(_merged_expected),
    ),
    several(
        "residual", (COMPOSITE,), Input((None, 3)), normal(2, 3),
        same=Part(lambda: Residual(layers.Dense(3)),
                  lambda w, x, _: x + x @ w["inner.kernel"] + w["inner.bias"]),
        projected=Part(lambda: Residual(layers.Dense(4), layers.Dense(4)), _projected),
    ),
    several(
        "reshaping", _items("Reshape Permute ZeroPad Crop PixelShuffle"), Input((None, 3, 4, 8)),
        normal(2, 3, 4, 8), resized=normal(1, 3, 4, 8),
        reshape=_part(
            lambda: layers.Reshape((16, 6)), lambda x: np.stack([v.reshape(16, 6) for v in x])
        ),
        reshape_rest=_part(
            lambda: layers.Reshape((-1, 6)), lambda x: np.stack([v.reshape(16, 6) for v in x])
        ),
        permute=_part(lambda: layers.Permute((3, 1, 2)), lambda x: np.moveaxis(x, 3, 1)),
        pad=_part(lambda: layers.ZeroPad(1), lambda x: np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))),
        pad_sides=_part(
            lambda: layers.ZeroPad(((0, 2), 1)), lambda x: np.pad(x, ((0, 0), (0, 2), (1, 1), (0, 0)))
        ),
        crop=_part(lambda: layers.Crop(((1, 0), 1)), lambda x: x[:, 1:, 1:3]),
        shuffle=_part(lambda: layers.PixelShuffle(2), _shuffled),
    ),
    several(
        "upsample", _items("Upsample"), Input((None, 3, 4, 2)), normal(2, 3, 4, 2),
        nearest=_part(layers.Upsample, lambda x: np.kron(x, np.ones((1, 2, 2, 1)))),
        bilinear=_part(lambda: layers.Upsample(2, "bilinear"), lambda x: _stretched(x, 2)),
        bilinear3=_part(lambda: layers.Upsample(3, "linear"), lambda x: _stretched(x, 3)),
        corners=_part(
            lambda: layers.Upsample(2, "linear", align_corners=True), lambda x: _stretched(x, 2, True)
        ),
    ),
    several(
        "upsample, one axis", _items("Upsample"), Input((None, "length", 2)), normal(2, 1, 2),
        resized=normal(1, 4, 2),
        nearest=_part(lambda: layers.Upsample(3), lambda x: np.kron(x, np.ones((1, 3, 1)))),
        linear=_part(lambda: layers.Upsample(2, "linear"), lambda x: _stretched(x, 2)),
        corners=_part(
            lambda: layers.Upsample(2, "linear", align_corners=True), lambda x: _stretched(x, 2, True)
        ),
    ),
)  # fmt: skip
