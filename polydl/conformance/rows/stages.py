"""Rows of what a training step does besides the update."""

from __future__ import annotations

import numpy as np

from polydl import penalties as p
from polydl.conformance.row import Array, StageRow
from polydl.training.groups import ParameterGroup


def _penalty(path: str, value: Array) -> tuple[float, Array]:
    """L1 of the matrices and L2 of both kernels; the head's kernel is frozen."""
    total, slope = 0.0, np.zeros_like(value)
    if path in ("0.table", "2.kernel"):
        total, slope = total + 1e-3 * np.abs(value).sum(), slope + 1e-3 * np.sign(value)
    if path == "2.kernel":
        total, slope = total + 2e-2 * (value**2).sum(), slope + 2 * 2e-2 * value
    return total, slope


STAGE_ROWS: tuple[StageRow, ...] = (
    StageRow(
        "penalties", ("polydl:L1@1", "polydl:L2@1"),
        lambda: {
            "penalties": [p.L1(1e-3), p.L2(2e-2, where="*.kernel")],
            "groups": [ParameterGroup("4.kernel", frozen=True)],
            "accumulate": 2,
        },
        penalty=_penalty,
    ),
)  # fmt: skip
