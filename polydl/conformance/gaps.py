"""Gaps: what a backend does not do, declared with a reason. A gap that closes fails the suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from polydl.conformance.nets import backend


@dataclass(frozen=True)
class Gap:
    """row: what fails. kind: ours (to do), upstream (a fault of the framework), never (by nature).

    checks: prefixes of the kinds of checks that fail, such as "forward-definition"; "" for all.
    """

    row: str
    backend: str
    kind: Literal["ours", "upstream", "never"]
    reason: str
    checks: tuple[str, ...] = ("",)

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


GAPS: tuple[Gap, ...] = ()


def gap_of(row: str, check: str, name: str) -> Gap | None:
    """The declared gap of a check. A backend may bring more, as its attribute `gaps`."""
    for gap in (*GAPS, *getattr(backend(name), "gaps", ())):
        if (gap.row, gap.backend) == (row, name) and check.startswith(gap.checks):
            return gap
    return None
