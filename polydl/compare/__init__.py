"""The same training run on several backends: checked, trained, timed, side by side."""

from polydl.compare.comparison import Check, Comparison, Row, Sources
from polydl.compare.run import compare

__all__ = ["Check", "Comparison", "Row", "Sources", "compare"]
