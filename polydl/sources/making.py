"""A Source of what a user gives to `fit`."""

from __future__ import annotations

from typing import Any

from polydl.errors import DataError
from polydl.sources.batches import Batches, EpochFunction
from polydl.sources.columns import Columns
from polydl.sources.source import Source
from polydl.training.settings import Training


def source_of(data: Any, training: Training, floating: str, where: str) -> Source | None:
    """The source that data is; None for arrays: (inputs, targets), or (inputs, targets, weights).

    A list is a source where each of its items is a tuple or dict. Raises DataError for what is
    neither.
    """
    if isinstance(data, Source):
        return data.bound(training, floating)
    batches = isinstance(data, list) and data and all(isinstance(b, (tuple, dict)) for b in data)
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


def arrays_of(data: Any) -> Any:
    """Data, with named columns of arrays as (inputs, targets[, weights])."""
    arrays = data.arrays() if isinstance(data, Columns) else None
    return data if arrays is None else arrays
