"""NumPy's scalars as Python's: arithmetic on sizes and settings often gives the former."""

from __future__ import annotations

from typing import Any

import numpy as np


def unboxed(given: Any) -> Any:
    """What is given, with Python's numbers for NumPy's, in tuples and lists too."""
    if isinstance(given, np.generic):
        return given.item()
    if type(given) in (tuple, list) and any(
        isinstance(x, (np.generic, tuple, list)) for x in given
    ):
        return type(given)(unboxed(x) for x in given)
    return given
