"""A model's parameters and state as a table."""

from __future__ import annotations

import math

from polydl.program.types import Program


def summary(program: Program) -> str:
    """One line an entry: path, shape, count and role; totals below."""
    rows = [
        (path, " x ".join(map(str, entry.shape)) or "scalar", math.prod(entry.shape), entry.role)
        for path, entry in program.entries.items()
    ]
    paths = max([len("path"), *(len(row[0]) for row in rows)])
    shapes = max([len("shape"), *(len(row[1]) for row in rows)])
    lines = [f"{'path':{paths}}  {'shape':{shapes}}  {'count':>12}  role"]
    lines += [
        f"{path:{paths}}  {shape:{shapes}}  {count:>12,}  {role}"
        for path, shape, count, role in rows
    ]
    for role in ("parameter", "state"):
        total = sum(count for _, _, count, kind in rows if kind == role)
        lines.append(f"{f'total of {role}':{paths}}  {'':{shapes}}  {total:>12,}")
    return "\n".join(lines)
