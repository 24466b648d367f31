"""Rows of derivatives that are a choice: at ties of maxima, and at 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from polydl import functions as f
from polydl import layers, ops
from polydl.conformance.row import Apply2, Several, TieRow
from polydl.conformance.samplers import fixed
from polydl.spec.input import Input
from polydl.spec.module import Sequential
from polydl.spec.tensor import Tensor


def _pairs(a: Tensor, b: Tensor) -> dict[str, Any]:
    return {"maximum": ops.maximum(a, b), "minimum": ops.minimum(a, b)}


def _weighted(x: Tensor) -> Tensor:
    """Each place along the last axis counts differently: shows which element went where."""
    return x * (1.0 + ops.arange(x.shape[-1]).astype("float"))


def _image(*rows: list[float]) -> Any:
    """One image of one channel."""
    return np.array(rows)[None, :, :, None]


ROWS: tuple[TieRow, ...] = (
    TieRow(
        "functions at 0",
        ("polydl:relu@1", "polydl:gelu@1", "polydl:sigmoid@1", "polydl:tanh@1"),
        lambda: Several({"relu": f.relu, "gelu": f.gelu, "sigmoid": f.sigmoid, "tanh": f.tanh}),
        Input((None, 3)), fixed([[0.0, -0.0, 0.0]]),
        {
            "relu": [[[0.0, 0.0, 0.0]]],
            "gelu": [[[0.5, 0.5, 0.5]]],
            "sigmoid": [[[0.25, 0.25, 0.25]]],
            "tanh": [[[1.0, 1.0, 1.0]]],
        },
    ),
    TieRow(
        "primitives at a tie",
        ("primitive:absolute", "primitive:maximum", "primitive:minimum", "primitive:max",
         "primitive:min"),
        lambda: Several({
            "absolute": abs,
            "maximum": lambda x: ops.maximum(x, 1.0),
            "minimum": lambda x: ops.minimum(1.0, x),
            "max": lambda x: ops.max(x, 1),
            "min": lambda x: ops.min(x, 1),
            "max_of_all": ops.max,
        }),
        Input((None, 4)), fixed([[0.0, 1.0, 1.0, 0.0]]),
        {
            "absolute": [[[0.0, 1.0, 1.0, 0.0]]],
            "maximum": [[[0.0, 0.5, 0.5, 0.0]]],
            "minimum": [[[1.0, 0.5, 0.5, 1.0]]],
            "max": [[[0.0, 0.5, 0.5, 0.0]]],
            "min": [[[0.5, 0.0, 0.0, 0.5]]],
            "max_of_all": [[[0.0, 0.5, 0.5, 0.0]]],
        },
    ),
    TieRow(
        "two tensors at a tie", ("primitive:maximum", "primitive:minimum"),
        lambda: Apply2(_pairs), (Input((None, 2)), Input((None, 2))),
        (fixed([[2.0, 3.0]]), fixed([[2.0, 1.0]])),
        {
            "maximum": [[[0.5, 1.0]], [[0.5, 0.0]]],
            "minimum": [[[0.5, 0.0]], [[0.5, 1.0]]],
        },
    ),
    TieRow(
        "max pool at a tie", ("polydl:MaxPool2D@1", "primitive:window_max"),
        lambda: Several({
            "rectified": Sequential(lambda x: f.relu(x - 1.5), layers.MaxPool2D(2, 1)),
            "two": layers.MaxPool2D(2),
            "overlapping": layers.MaxPool2D(2, 1),
            "padded": layers.MaxPool2D(3, 2, padding=1),
        }),
        Input((None, 3, 4, 1)),
        fixed(_image([1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 3.0, 3.0])),
        {
            "rectified": [_image([0, 0, 0, 1], [0, 0, 1, 0], [1, 1, 1, 0])],
            "two": [_image([1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0])],
            "overlapping": [_image([1, 0, 0, 1], [0, 0, 1, 0], [1, 1, 1, 0])],
            "padded": [_image([1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 0, 0])],
        },
    ),
    TieRow(
        "sums of exponentials and norms at a tie",
        ("polydl:logaddexp@1", "polydl:logsumexp@1", "polydl:norm@1"),
        lambda: Several({
            "logaddexp": lambda x: ops.logaddexp(x[:, 0], x[:, 1]),
            "logsumexp": lambda x: ops.logsumexp(x, -1),
            "norm": lambda x: ops.norm(x, axis=-1),
        }),
        Input((None, 2)), fixed([[0.0, 0.0], [3.0, 3.0]]),
        {
            "logaddexp": [[[0.5, 0.5], [0.5, 0.5]]],
            "logsumexp": [[[0.5, 0.5], [0.5, 0.5]]],
            "norm": [[[0.0, 0.0], [0.5**0.5, 0.5**0.5]]],
        },
    ),
    TieRow(
        "order, products and bounds at a tie",
        ("primitive:sort", "primitive:argsort", "polydl:top_k@1", "primitive:prod",
         "primitive:cumprod", "primitive:clip"),
        lambda: Several({
            "sort": lambda x: _weighted(ops.sort(x)),
            "top_k": lambda x: _weighted(ops.top_k(x, 3)[0]),
            "prod": lambda x: ops.prod(x, -1),
            "prod_of_zeros": lambda x: ops.prod(x * (x - 1.0), -1),
            "cumprod": lambda x: ops.cumprod(x, -1),
            "clip": lambda x: ops.clip(x, 0.0, 2.0),
        }),
        Input((None, 4)), fixed([[2.0, 0.0, 2.0, 3.0], [2.0, 0.0, 2.0, 0.0]]),
        {
            "sort": [[[2.0, 1.0, 3.0, 4.0], [3.0, 1.0, 4.0, 2.0]]],
            "top_k": [[[2.0, 0.0, 3.0, 1.0], [1.0, 3.0, 2.0, 0.0]]],
            "prod": [[[0.0, 12.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]],
            "prod_of_zeros": [[[0.0, -24.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]],
            "cumprod": [[[1.0, 18.0, 0.0, 0.0], [1.0, 6.0, 0.0, 0.0]]],
            "clip": [[[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]]],
        },
    ),
)  # fmt: skip
