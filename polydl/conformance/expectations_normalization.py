"""What normalisation should compute, written in another way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from polydl.conformance.expectations import Array
from polydl.conformance.row import Weights


def group_norm(groups: int, epsilon: float) -> Callable[[Weights, Array, bool], Array]:
    def formula(w: Weights, x: Array, training: bool) -> Array:
        y = np.empty_like(x)
        for sample in range(len(x)):
            for members in np.split(np.arange(x.shape[-1]), groups):
                values = x[sample][..., members]
                spread = math.sqrt(values.var() + epsilon)
                y[sample][..., members] = (values - values.mean()) / spread
        return y * w["scale"] + w["bias"]

    return formula


def layer_norm(
    axes: int | tuple[int, ...], epsilon: float
) -> Callable[[Weights, Array, bool], Array]:
    """The named axes moved to the end, and rows of them normalised."""

    def formula(w: Weights, x: Array, training: bool) -> Array:
        named = sorted(axis % x.ndim for axis in ((axes,) if isinstance(axes, int) else axes))
        end = [*range(-len(named), 0)]
        moved = np.moveaxis(x, named, end)
        rows = moved.reshape(-1, w["scale"].size)
        rows = np.stack([(r - r.mean()) / math.sqrt(r.var() + epsilon) for r in rows])
        return np.moveaxis(rows.reshape(moved.shape) * w["scale"] + w["bias"], end, named)

    return formula


def weight_normed(
    layer: Callable[[Weights, Array], Array], outputs: tuple[int, ...] = (-1,), name: str = "kernel"
) -> Callable[[Weights, Array, bool], Array]:
    """The layer with each output's weights made scale long, one output after the other."""

    def formula(w: Weights, x: Array, training: bool) -> Array:
        directions = np.moveaxis(w[name], outputs, range(len(outputs)))
        scales = np.moveaxis(w["scale"], outputs, range(len(outputs)))
        kernel = np.empty_like(w[name])
        turned = np.moveaxis(kernel, outputs, range(len(outputs)))
        for index in np.ndindex(directions.shape[: len(outputs)]):
            length = math.sqrt(math.fsum(directions[index].ravel() ** 2))
            turned[index] = directions[index] * scales[index].item() / length
        return layer({**w, name: kernel}, x)

    return formula


def spectral_normed(
    layer: Callable[[Weights, Array], Array],
    steps: int = 1,
    outputs: tuple[int, ...] = (-1,),
    epsilon: float = 1e-12,
) -> Callable[[Weights, Array, bool], Any]:
    """After n steps u is along (w' w)^n u, v along w (w' w)^(n - 1) u. With an epsilon: of one step."""

    def formula(w: Weights, x: Array, training: bool) -> tuple[Array, dict[str, Array]]:
        kernel = np.moveaxis(w["kernel"], outputs, range(-len(outputs), 0))
        matrix = kernel.reshape(-1, w["u"].size)
        square = np.linalg.matrix_power(matrix.T @ matrix, steps - 1)
        v = matrix @ square @ w["u"][0]
        u = matrix.T @ v / (np.linalg.norm(v) + epsilon)
        length = np.linalg.norm(u)
        sigma = length**2 / (length + epsilon)
        y = layer({**w, "kernel": w["kernel"] / sigma}, x)
        return y, {"u": (u / (length + epsilon))[None] if training else w["u"]}

    return formula


def affine(w: Weights, x: Array) -> Array:
    return np.tensordot(x, w["kernel"], 1) + w["bias"]


def conv(w: Weights, x: Array) -> Array:
    """Of (batch, length, channels), without padding."""
    size = len(w["kernel"])
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=1)
    return np.einsum("blca,aco->blo", windows, w["kernel"]) + w["bias"]


def conv_transpose(w: Weights, x: Array) -> Array:
    """Of (batch, length, channels): windows that do not overlap."""
    y = np.einsum("blc,aoc->blao", x, w["kernel"])
    return y.reshape(len(x), -1, w["bias"].size) + w["bias"]
