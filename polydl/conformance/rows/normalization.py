"""Rows of normalisation."""

from __future__ import annotations

from polydl import layers
from polydl.conformance import expectations_normalization as n
from polydl.conformance.row import Part, several
from polydl.conformance.samplers import normal
from polydl.spec.input import Input

GROUP_NORM = "polydl:GroupNorm@1"


def _group_norms() -> dict[str, Part]:
    return {
        "two": Part(lambda: layers.GroupNorm(2), n.group_norm(2, 1e-5)),
        "one": Part(lambda: layers.GroupNorm(1, epsilon=0.1), n.group_norm(1, 0.1)),
        "three": Part(lambda: layers.GroupNorm(3, epsilon=1e-3), n.group_norm(3, 1e-3)),
    }


ROWS = (
    several(
        "group norm", (GROUP_NORM,), Input((None, 6)), normal(3, 6, mean=0.5), **_group_norms()
    ),
    several(
        "group norm, images", (GROUP_NORM,), Input((None, 3, 2, 6)),
        normal(2, 3, 2, 6, mean=0.5), **_group_norms(),
    ),
)  # fmt: skip
