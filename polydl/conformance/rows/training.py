"""Rows of the first losses."""

from __future__ import annotations

import numpy as np

from polydl import losses
from polydl.conformance import expectations as e
from polydl.conformance.row import ScoreRow
from polydl.conformance.samplers import fixed, integers, normal

_CROSS_ENTROPY, _MSE = ("polydl:CrossEntropy@1",), ("polydl:MSE@1",)
_FAR = [[300.0, -400.0, 2.0], [-1e3, 1e3, 0.0], [5.0, 5.1, -900.0], [80.0, 90.0, 100.0]]

SCORE_ROWS: tuple[ScoreRow, ...] = (
    ScoreRow(
        "cross-entropy", _CROSS_ENTROPY, losses.CrossEntropy, normal(4, 5, stddev=2.0),
        integers(4, high=5), e.cross_entropy,
    ),
    ScoreRow(
        "cross-entropy, rank 3", _CROSS_ENTROPY, losses.CrossEntropy, normal(3, 2, 5),
        integers(3, 2, high=5), e.cross_entropy,
    ),
    ScoreRow(
        "cross-entropy, far apart", _CROSS_ENTROPY, losses.CrossEntropy, fixed(_FAR),
        fixed([0, 2, 1, 0], np.int32), e.cross_entropy,
    ),
    ScoreRow("mse", _MSE, losses.MSE, normal(4, 5), normal(4, 5), e.mean_squared_error),
    ScoreRow(
        "mse, rank 3", _MSE, losses.MSE, normal(3, 2, 4), normal(3, 2, 4), e.mean_squared_error
    ),
)  # fmt: skip
