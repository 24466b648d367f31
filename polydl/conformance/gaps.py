"""Gaps: what a backend does not do, declared with a reason. A gap that closes fails the suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from polydl.conformance.nets import backend
from polydl.conformance.suite import Check
from polydl.precision import DTYPES


@dataclass(frozen=True)
class Gap:
    """row: what fails. kind: ours (to do), upstream (a fault of the framework), never (by nature).

    checks: prefixes of the kinds of checks that fail, such as "forward-definition"; "" for all.
    dtypes: precisions in which they fail; none for all.
    """

    row: str
    backend: str
    kind: Literal["ours", "upstream", "never"]
    reason: str
    checks: tuple[str, ...] = ("",)
    dtypes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


_LOW = ("bfloat16", "float16")
GAPS: tuple[Gap, ...] = (
    Gap("loss of alignments", "torch", "upstream", "F.ctc_loss has no kernel for half-size floats",
        ("forward-native",), _LOW),
    Gap("loss of alignments", "flax", "upstream", "optax.ctc_loss of half-size floats gives float32",
        ("forward-native",), _LOW),
    Gap("losses of labels, rank 3", "flax", "upstream",
        "optax.multiclass_hinge_loss of half-size floats gives float32", ("forward-native",), _LOW),
)  # fmt: skip


def gap_of(check: Check, name: str) -> Gap | None:
    """The declared gap of a check. A backend may bring more, as its attribute `gaps`."""
    for gap in (*GAPS, *getattr(backend(name), "gaps", ())):
        meant = check.kind.startswith(gap.checks) and check.dtype in (gap.dtypes or DTYPES)
        if meant and (gap.row, gap.backend) == (check.item, name):
            return gap
    return None
