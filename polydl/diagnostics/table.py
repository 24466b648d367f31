"""Rows of text under headings, for reports that are printed."""

from __future__ import annotations

from collections.abc import Sequence


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Lines with two spaces between columns. left: how many columns begin at their left edge."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    return [
        "  ".join(
            f"{cell:<{width}}" if i < left or i == len(row) - 1 else f"{cell:>{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (headings, *rows)
    ]


def number(value: float | None) -> str:
    """Three digits; nothing for what there is not."""
    return "" if value is None else f"{value:.3g}"
