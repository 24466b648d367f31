"""Rows of what a training step does besides the update."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from polydl import averages as a
from polydl import penalties as p
from polydl.conformance.row import Array, StageRow
from polydl.training.groups import ParameterGroup
from polydl.training.noise import GradientNoise


def _penalty(path: str, value: Array) -> tuple[float, Array]:
    """L1 of the matrices and L2 of both kernels; the head's kernel is frozen."""
    total, slope = 0.0, np.zeros_like(value)
    if path in ("0.table", "2.kernel"):
        total, slope = total + 1e-3 * np.abs(value).sum(), slope + 1e-3 * np.sign(value)
    if path == "2.kernel":
        total, slope = total + 2e-2 * (value**2).sum(), slope + 2 * 2e-2 * value
    return total, slope


def _ema(weights: list[Array]) -> Array:
    """The sum of all, each with what is left of it at the end."""
    shares = 0.1 * 0.9 ** np.arange(len(weights) - 2, -1, -1)
    return 0.9 ** (len(weights) - 1) * weights[0] + np.tensordot(shares, weights[1:], 1)


def _warm_ema(weights: list[Array]) -> Array:
    average = weights[0]
    for step, value in enumerate(weights[1:]):
        decay = min(0.8, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * value
    return average


def _mixed(x: int) -> int:
    """Wellons' hash, in Python's integers."""
    x = (x ^ (x >> 16)) * 0x7FEB352D % 2**32
    x = (x ^ (x >> 15)) * 0x846CA68B % 2**32
    return x ^ (x >> 16)


def _noise(path: str, shape: tuple[int, ...], step: int) -> Array:
    """Variance 0.3 / (1 + step)^0.5, of a complex number's real part."""
    key = int.from_bytes(sha256(f"7\0gradient of {path}\0{0}".encode()).digest()[:4], "little")
    stream = _mixed((_mixed(step) + key) % 2**32)
    bits = [_mixed(_mixed(i ^ key) ^ stream) >> 8 for i in range(2 * int(np.prod(shape)))]
    share = np.reshape(bits, (-1, 2)) / 2**24
    normal = (np.sqrt(-2 * np.log1p(-share[:, 0])) * np.exp(2j * np.pi * share[:, 1])).real
    return np.sqrt(0.3 / (1 + step) ** 0.5) * normal.reshape(shape)


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
    StageRow(
        "moving average", ("polydl:EMA@1",),
        lambda: {
            "average": a.EMA(0.9),
            "penalties": [p.L1(1e-3), p.L2(2e-2, where="*.kernel")],
            "groups": [ParameterGroup("4.kernel", frozen=True)],
        },
        penalty=_penalty, average=_ema,
    ),
    StageRow(
        "moving average, warm-up", ("polydl:EMA@1",),
        lambda: {"average": a.EMA(0.8, warm_up=True)}, average=_warm_ema,
    ),
    StageRow(
        "mean of weights", ("polydl:SWA@1",), lambda: {"average": a.SWA(20, 7), "accumulate": 2},
        average=lambda weights: np.mean(weights[20::7], 0),
    ),
    StageRow(
        "gradient noise", (),
        lambda: {
            "gradient_noise": GradientNoise(0.3, 0.5),
            "clip_norm": 1.0,
            "accumulate": 2,
            "seed": 7,
        },
        noise=_noise,
    ),
    StageRow(
        "all stages", (),
        lambda: {
            "gradient_noise": GradientNoise(0.3, 0.5),
            "clip_norm": 1.0,
            "average": a.EMA(0.9),
            "penalties": [p.L1(1e-3), p.L2(2e-2, where="*.kernel")],
            "groups": [ParameterGroup("4.kernel", frozen=True)],
            "seed": 7,
            "steps_per_execution": 7,
        },
        penalty=_penalty, average=_ema, noise=_noise,
    ),
)  # fmt: skip
