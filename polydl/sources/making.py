"""A Source of what a user gives to `fit`."""

from __future__ import annotations

from typing import Any

from polydl.errors import DataError
from polydl.sources.batches import Batches, EpochFunction
from polydl.sources.columns import Columns
from polydl.sources.leaves import is_array
from polydl.sources.source import Source
from polydl.training.settings import Training


def source_of(data: Any, training: Training, floating: str, where: str) -> Source | None:
    """The source that data is; None for arrays: (inputs, targets), or (inputs, targets, weights).

    A list is a source where each of its items is a tuple or dict, or a list that is plainly a batch.
    Raises DataError for what is neither.
    """
    if isinstance(data, Source):
        return data.bound(training, floating)
    batches = isinstance(data, list) and data and all(isinstance(b, (tuple, dict)) for b in data)
    batches = batches or (isinstance(data, list) and lists_of_batches(data, training, where))
    if isinstance(data, (tuple, list)) and not batches:
        return None
    if hasattr(data, "__array__") or isinstance(data, (dict, str, bytes)) or data is None:
        return None  # which is refused as arrays are
    name = type(data).__name__
    if hasattr(data, "column_names"):
        raise DataError(
            f"{where}: say which columns of the {name} are what: "
            'dl.Columns(data, inputs="...", targets="...")'
        )
    if hasattr(data, "__iter__"):
        return Batches(data, where)
    if callable(data):
        return EpochFunction(data, where)
    if hasattr(data, "__getitem__"):
        raise DataError(
            f"{where}: {name} has samples, but no batches. Put it into a loader, such as "
            "torch.utils.data.DataLoader(data, batch_size=...)"
        )
    raise DataError(
        f"{where}: {name} is neither (inputs, targets), nor an iterable of such batches, nor a "
        "function of the epoch that gives one"
    )


def lists_of_batches(data: list[Any], training: Training, where: str) -> bool:
    """Whether a list is of batches that are lists, as torch's loaders give them.

    Its items are two or three arrays, or trees of them, of one length. Two or three such items could
    also be inputs, targets and weights, each a list: of several, or of samples. Raises DataError where
    they could be either.
    """
    if not all(isinstance(item, list) and len(item) in (2, 3) for item in data):
        return False
    shapes = [_shapes(item) for item in data]
    if not all(len(found) > 1 and len({shape[:1] for shape in found}) == 1 for found in shapes):
        return False
    if not all(found[0] for found in shapes):  # numbers: the targets of samples
        return False
    if len(data) > 3:
        return True
    several = training.heads[0].key is not None
    alike = all(len(set(found)) == 1 for found in shapes)  # such as the rows of a table
    if len(data) == 1 or not (several or alike):
        return True
    raise DataError(
        f"{where}: a list of {len(data)} lists of arrays may be as many batches, or inputs and "
        "targets. Give batches as tuples, [(inputs, targets), ...], or arrays as a tuple, "
        "(inputs, targets)"
    )


def _shapes(tree: Any, inner: bool = False) -> list[tuple[int, ...]]:
    """Of the arrays in a list, nested in others; none where anything else is among them."""
    if isinstance(tree, (list, tuple, dict)) and (inner or isinstance(tree, list)):
        branches = tree.values() if isinstance(tree, dict) else tree
        found = [_shapes(branch, True) for branch in branches]
        return [shape for shapes in found for shape in shapes] if all(found) else []
    return [tuple(tree.shape)] if hasattr(tree, "shape") and is_array(tree) else []


def arrays_of(data: Any) -> Any:
    """Data, with named columns of arrays as (inputs, targets[, weights])."""
    arrays = data.arrays() if isinstance(data, Columns) else None
    return data if arrays is None else arrays
