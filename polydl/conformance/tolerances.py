"""The one table of tolerances, by check and dtype. An override states its cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SCALE = "of the scale"  # the largest number of the expected output
EPSILONS = "epsilons"  # of the dtype, at that scale

TOLERANCES: dict[tuple[str, str], float] = {
    ("oracle", "float64"): 1e-13,  # against a formula, of the output's scale
    ("forward", "float64"): 1e-12,  # against the oracle, of the output's scale
    ("forward", "float32"): 32.0,  # in epsilons
    ("forward", "bfloat16"): 4.0,
    ("forward", "float16"): 4.0,
    ("gradients", "float64"): 1e-9,  # against the oracle's five-point derivative, relative
    ("ties", "float64"): 1e-12,  # absolute, of derivatives of order 1
    ("score", "float64"): 1e-12,  # losses and metrics, of their scale
    ("score", "float32"): 32.0,
    ("score", "bfloat16"): 4.0,
    ("score", "float16"): 4.0,
    # losses, weights and what is carried, of their scale: after 200 updates, over which rounding grows
    ("updates", "float64"): 1e-11,
    ("rates", "float64"): 1e-15,  # emitted functions of the step, of the highest rate
    ("losses", "float64"): 1e-11,  # two runs' losses, relative, at each of 200 steps
    # mixed precision beside float32, of the highest of 100 losses: each product is rounded to 8 or 11
    # bits, and what of the rest stays in float32 is each framework's own choice
    ("mixed losses", "bfloat16"): 0.05,
    ("mixed losses", "float16"): 0.02,
    ("final weights", "float64"): 1e-8,  # two runs' weights, absolute
    ("round trip", "float64"): 1e-12,  # outputs before and after, of their scale
    ("exact", "float64"): 0.0,  # weights and integers come back bit for bit
}


@dataclass(frozen=True)
class Override:
    """Another bound for one row, and why."""

    check: str
    dtype: str
    row: str
    bound: float
    cause: str


OVERRIDES: tuple[Override, ...] = (
    Override(
        "forward",
        "float32",
        "batch norm, offset",
        2000.0,
        "the input's mean is 1000 times its spread, so that rounding the input alone moves the "
        "output by 1000 epsilons",
    ),
    Override(
        "forward",
        "float16",
        "batch norm, offset",
        250.0,
        "the input's mean is 1000 times its spread, and torch rounds the mean to float16 before it "
        "subtracts it",
    ),
)


def bound(
    check: str, dtype: str, row: str = "", overrides: Iterable[Override] = OVERRIDES
) -> float:
    """How large an error may be."""
    for override in overrides:
        if (override.check, override.dtype, override.row) == (check, dtype, row):
            return override.bound
    return TOLERANCES[check, dtype]
