"""Rows of the layers that take arrays of any rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polydl import layers
from polydl.conformance import expectations as e
from polydl.conformance.expectations import Array
from polydl.conformance.row import RANDOM_SEED, Part, RandomRow, Row, Weights, several
from polydl.conformance.samplers import fixed, normal
from polydl.spec.input import Input
from polydl.spec.module import Sequential

DENSE, EMBEDDING, DROPOUT, FLATTEN = (
    f"polydl:{name}@1" for name in ("Dense", "Embedding", "Dropout", "Flatten")
)
LAYER_NORM, RMS_NORM, BATCH_NORM = (
    f"polydl:{name}@1" for name in ("LayerNorm", "RMSNorm", "BatchNorm")
)
BOTH = (False, True)


def _norms() -> dict[str, Part]:
    return {
        "layer": Part(layers.LayerNorm, e.layer_norm(1e-5)),
        "layer_epsilon": Part(lambda: layers.LayerNorm(epsilon=0.1), e.layer_norm(0.1)),
        "rms": Part(layers.RMSNorm, e.rms_norm(1e-6)),
        "rms_epsilon": Part(lambda: layers.RMSNorm(epsilon=0.1), e.rms_norm(0.1)),
    }


def _batch_norms() -> dict[str, Part]:
    return {
        "default": Part(layers.BatchNorm, e.batch_norm(0.9, 1e-5)),
        "other": Part(
            lambda: layers.BatchNorm(momentum=0.75, epsilon=1e-2), e.batch_norm(0.75, 1e-2)
        ),
        "unbiased": Part(
            lambda: layers.BatchNorm(0.8, unbiased=True), e.batch_norm(0.8, 1e-5, ddof=1)
        ),
    }


def _dense() -> dict[str, Part]:
    return {
        "bias": Part(lambda: layers.Dense(4), e.dense),
        "no_bias": Part(lambda: layers.Dense(3, use_bias=False), e.dense),
    }


def dropped(rate: float) -> Callable[[Array, Array], None]:
    """Each element is 0 or x / (1 - rate); the share of zeros is the rate."""

    def verify(x: Array, y: Array) -> None:
        zero = y == 0
        np.testing.assert_allclose(y[~zero], x[~zero] / (1 - rate), rtol=1e-6)
        share, spread = float(zero.mean()), np.sqrt(rate * (1 - rate) / x.size)
        assert abs(share - rate) < 5 * spread, f"{share} of the elements dropped, not {rate}"

    return verify


def _dropouts(w: Weights, given: list[Array], training: bool) -> tuple[list[Array], Any]:
    x, step = given[0], int(given[1])
    h = e.dropout(x, 0.25, RANDOM_SEED, "0", step) if training else x
    h = h @ w["1.kernel"] + w["1.bias"]
    return [e.dropout(h, 0.6, RANDOM_SEED, "2", step) if training else h], {}


_IDS = fixed([[0, 6, 3], [2, 2, 5]], np.int32)
ROWS: tuple[Row | RandomRow, ...] = (
    several("dense", (DENSE,), Input((None, 4)), normal(3, 4), **_dense()),
    several(
        "dense, rank 3", (DENSE,), Input((None, None, 4)), normal(2, 3, 4), **_dense(),
        resized=normal(3, 5, 4),
    ),
    several("dense, rank 4", (DENSE,), Input((None, 2, 3, 4)), normal(2, 2, 3, 4), **_dense()),
    several("norms", (LAYER_NORM, RMS_NORM), Input((None, 6)), normal(3, 6, mean=0.5), **_norms()),
    several(
        "norms, rank 3", (LAYER_NORM, RMS_NORM), Input((None, None, 6)), normal(2, 3, 6), **_norms()
    ),
    several(
        "norms, rank 4", (LAYER_NORM, RMS_NORM), Input((None, 2, 2, 6)), normal(2, 2, 2, 6),
        **_norms(),
    ),
    several(
        "batch norm", (BATCH_NORM,), Input((None, 3)), normal(6, 3, mean=0.5), modes=BOTH,
        **_batch_norms(),
    ),
    several(
        "batch norm, rank 3", (BATCH_NORM,), Input((None, 4, 3)), normal(2, 4, 3), modes=BOTH,
        **_batch_norms(),
    ),
    several(
        "batch norm, images", (BATCH_NORM,), Input((None, 3, 2, 4)), normal(2, 3, 2, 4),
        modes=BOTH, **_batch_norms(),
    ),
    several(
        "batch norm, volumes", (BATCH_NORM,), Input((2, 2, 1, 3, 2)), normal(2, 2, 1, 3, 2),
        modes=BOTH, **_batch_norms(),
    ),
    several(
        "batch norm, offset", (BATCH_NORM,), Input((None, 2)), normal(8, 2, mean=1e3),
        modes=(True,), gradients=False, default=_batch_norms()["default"],
    ),
    several(
        "flatten", (FLATTEN,), Input((None, 2, 3, 4)), normal(2, 2, 3, 4),
        flatten=Part(layers.Flatten, e.flatten),
    ),
    several(
        "flatten, rank 3", (FLATTEN,), Input((None, 2, 3)), normal(2, 2, 3), resized=normal(4, 2, 3),
        flatten=Part(layers.Flatten, e.flatten),
    ),
    Row(
        "dropout, portable", (DROPOUT, "polydl:hash_bits@1"),
        lambda: Sequential(layers.Dropout(0.25), layers.Dense(3), layers.Dropout(0.6)),
        Input((None, 8)), normal(4, 8), _dropouts, modes=BOTH, portable=True,
    ),
    Row(
        "dropout, inference", (DROPOUT,), lambda: Sequential(layers.Dropout(0.25)),
        Input((None, 8)), normal(4, 8), lambda w, given, training: ([given[0]], {}),
    ),
    RandomRow(
        "dropout, random", (DROPOUT,), lambda: Sequential(layers.Dropout(0.3)),
        Input((None, 128)), normal(64, 128, mean=5.0), dropped(0.3),
    ),
)  # fmt: skip
