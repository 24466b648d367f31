"""Arrays of other libraries as numpy's, without knowing the libraries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def as_numpy(tree: Any) -> Any:
    """Tensors in nested tuples, lists and dicts as numpy arrays; all else as it is.

    A list of which nothing is an array stays, for it may be one written as numbers.
    """
    if isinstance(tree, Mapping):
        return {name: as_numpy(branch) for name, branch in tree.items()}
    if isinstance(tree, tuple) or (isinstance(tree, list) and any(map(is_array, tree))):
        return tuple(as_numpy(branch) for branch in tree)
    return _leaf(tree)


def is_array(given: Any) -> bool:
    """Whether it is an array, of any library."""
    return hasattr(given, "__array__") or hasattr(given, "__dlpack__")


def _leaf(given: Any) -> Any:
    if isinstance(given, np.ndarray):
        return given
    if hasattr(given, "detach") and hasattr(given, "cpu"):  # torch's
        return given.detach().cpu().numpy()
    if callable(getattr(given, "numpy", None)):  # TensorFlow's
        return given.numpy()
    return np.asarray(given) if is_array(given) else given
