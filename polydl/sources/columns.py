from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from polydl.errors import DataError, nearest
from polydl.program.structure import flatten
from polydl.sources.batches import Batches
from polydl.sources.source import Source
from polydl.training.settings import Training

Names = str | tuple[Any, ...] | list[Any] | dict[str, Any]


@dataclass(frozen=True)
class Columns(Source):
    """Names the columns of data that are inputs, targets and weights: `dl.Columns(data, "x", "y")`.

    data: rows, such as a Hugging Face datasets.Dataset, from which batches are drawn in the order
    that a Training draws from arrays; columns, such as a dict of arrays or a data frame, which are
    taken as arrays; or an iterable of batches that are dicts, such as Grain and TensorFlow Datasets
    give, in its own order. inputs: a name, or names nested as dl.Input was given to `compile`.
    targets, weights: a name, names by output, or None for a loss that takes no targets.
    """

    data: Any
    inputs: Names
    targets: Names | None
    weights: Names | None = None

    def __post_init__(self) -> None:
        if hasattr(self.data, "keys"):
            known = list(self.data.keys())
            splits = [name for name in known if hasattr(self.data[name], "column_names")]
            if splits:
                raise DataError(f"dl.Columns: choose a split, such as data[{splits[0]!r}]")
        elif _rows(self.data):
            known = list(self.data.column_names)
        elif hasattr(self.data, "__iter__"):
            return
        else:
            raise DataError(f"dl.Columns: {type(self.data).__name__} has no columns")
        for name in self.names:
            if name not in known:
                raise DataError(f"dl.Columns: no column {name!r}. {nearest(str(name), known)}")

    @property
    def names(self) -> list[str]:
        """Of all columns that are taken."""
        return [
            *flatten(self.inputs)[0],
            *(
                name
                for given in (self.targets, self.weights)
                for name in flatten(given)[0]
                if name is not None
            ),
        ]

    def arrays(self) -> tuple[Any, ...] | None:
        """All samples as (inputs, targets[, weights]), where data is columns of arrays."""
        return self.batch(self.data) if hasattr(self.data, "keys") else None

    def batch(self, columns: Mapping[str, Any]) -> tuple[Any, ...]:
        """(inputs, targets[, weights]) of a dict."""
        if not hasattr(columns, "keys"):
            raise DataError(
                f"dl.Columns takes batches that are dicts, got {type(columns).__name__}"
            )
        for name in self.names:
            if name not in columns:
                known = list(columns.keys())
                raise DataError(f"there is no column {name!r}. {nearest(str(name), known)}")
        weights = () if self.weights is None else (_named(self.weights, columns),)
        return _named(self.inputs, columns), _named(self.targets, columns), *weights

    def bound(self, training: Training, floating: str) -> Source:
        if _rows(self.data):
            return _Rows(self, training, floating)
        return _Dicts(self, Batches(self.data, "dl.Columns"))


class _Dicts(Source):
    """Batches that are dicts."""

    def __init__(self, columns: Columns, source: Source) -> None:
        self.columns, self.source = columns, source

    def batches(self, epoch: int) -> Iterator[Any]:
        return map(self.columns.batch, self.source.batches(epoch))

    @property
    def length(self) -> int | None:
        return self.source.length

    @property
    def once(self) -> bool:
        return self.source.once

    @property
    def by_epoch(self) -> bool:
        return False


class _Rows(Source):
    """Batches of rows, in the order that a Training draws."""

    def __init__(self, columns: Columns, training: Training, floating: str) -> None:
        self.columns, self.training, self.data = columns, training, columns.data
        own = getattr(self.data, "format", None)
        plain = isinstance(own, dict) and own.get("type") is None
        if plain and floating != "float64":  # the numpy format makes float32 of float64
            self.data = self.data.with_format("numpy", columns=columns.names)

    def batches(self, epoch: int) -> Iterator[Any]:
        size, order = self.training.batch_size, self.training.order(epoch, len(self.data))
        for start in range(0, len(order), size):
            rows = self.data[order[start : start + size].tolist()]
            yield self.columns.batch({name: _stacked(rows[name]) for name in self.columns.names})

    @property
    def length(self) -> int | None:
        return -(-len(self.data) // self.training.batch_size)


def _rows(data: Any) -> bool:
    return all(hasattr(data, name) for name in ("column_names", "__getitem__", "__len__"))


def _named(names: Names | None, columns: Mapping[str, Any]) -> Any:
    if isinstance(names, dict):
        return {key: _named(part, columns) for key, part in names.items()}
    if isinstance(names, (tuple, list)):
        return tuple(_named(part, columns) for part in names)
    return None if names is None else columns[names]


def _stacked(column: Any) -> Any:
    """A column of a batch of rows: an array, or a list of arrays, images or numbers."""
    if hasattr(column, "__array__"):
        return column
    return np.stack([np.asarray(value) for value in column]) if len(column) else np.zeros(0)
