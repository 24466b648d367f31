"""Rows of slices at places that are known only when the model runs."""

from __future__ import annotations

import numpy as np

from polydl import ops
from polydl.conformance.expectations import Array
from polydl.conformance.row import Apply3, Row, plain
from polydl.conformance.samplers import fixed, normal
from polydl.spec.input import Input
from polydl.spec.tensor import Tensor


def _updates(x: Tensor, part: Tensor, start: Tensor) -> dict[str, Tensor]:
    """x (batch, 5, 3), part (batch, 2, 3), start 2."""
    return {
        "inside": ops.update_slice(x, part, start, 1),
        "before": ops.update_slice(x, part, start - 9, 1),
        "beyond": ops.update_slice(x, part, start + 2, 1),
        "last": ops.update_slice(x[:, :2], part[:, :, :1], start, -1),
        "one": ops.update_slice(x[0], part[0, :1], start, 0),
        "ints": ops.update_slice(ops.arange(4), ops.arange(2), start),
    }


def _updates_expected(x: Array, part: Array, start: Array) -> dict[str, Array]:
    first, second, third, fourth, fifth = (x[:, i] for i in range(5))
    a, b = part[:, 0], part[:, 1]
    return {
        "inside": np.stack([first, second, a, b, fifth], 1),
        "before": np.stack([a, b, third, fourth, fifth], 1),
        "beyond": np.stack([first, second, third, a, b], 1),
        "last": np.concatenate([x[:, :2, :2], part[:, :, :1]], 2),
        "one": np.array([x[0, 0], x[0, 1], part[0, 0], x[0, 3], x[0, 4]]),
        "ints": np.array([0, 1, 0, 1], np.int32),
    }


ROWS: tuple[Row, ...] = (
    Row(
        "slices", ("primitive:update_slice",), lambda: Apply3(_updates),
        (Input((None, 5, 3)), Input((None, 2, 3)), Input((), "int")),
        (normal(2, 5, 3), normal(2, 2, 3), fixed(2, np.int32)), plain(_updates_expected),
    ),
)  # fmt: skip
