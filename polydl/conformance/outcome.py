"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


class ConformanceError(AssertionError):
    """A check failed."""


@dataclass(frozen=True)
class Outcome:
    """An error and its bound, in a unit. NaN counts as a failure."""

    check: str
    subject: str  # the row, or what else was checked
    where: str  # backend and choices
    error: float
    bound: float
    unit: str = ""
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.error <= self.bound

    def require(self) -> Outcome:
        """Raise ConformanceError if it failed."""
        if not self.passed:
            raise ConformanceError(str(self))
        return self

    def __str__(self) -> str:
        verdict = "ok" if self.passed else "FAILED"
        unit = f" {self.unit}" if self.unit else ""
        note = f" ({self.note})" if self.note else ""
        return (
            f"{self.check} of {self.subject} on {self.where}: {verdict}, error {self.error:.3g} "
            f"against {self.bound:.3g}{unit}{note}"
        )
