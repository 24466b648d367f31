from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polydl.callbacks.callback import Callback
from polydl.errors import DataError

if TYPE_CHECKING:
    from polydl.training.run import Run


class EpochLog(Callback):
    """A text file with an entry for each epoch, which is there as soon as the epoch is over.

    A run that goes on, also from a checkpoint, goes on with the file: entries of the epochs that it
    makes again, or that a killed run has written by half, are taken out first. A run from the beginning
    begins the file anew.
    """

    path: Any

    def check_path(self) -> None:
        """Raise DefinitionError for what is no path."""
        good = isinstance(self.path, (str, os.PathLike)) and bool(str(self.path))
        self.require(good, "path must be that of a file", self.path)
        self.path = os.fspath(self.path)

    def apart(self, name: str) -> EpochLog:
        place = Path(self.path)
        return type(self)(place.with_name(f"{place.stem}-{name}{place.suffix}"))  # type: ignore[call-arg]

    def on_train_begin(self, run: Run) -> None:
        place = Path(self.path)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            before = place.read_text(encoding="utf-8") if place.exists() and run.epoch else ""
            self.begin([e for e in self.read(before) if e["epoch"] <= run.epoch])
        except OSError as error:
            raise self._unwritable(error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{type(self).__name__}: {self.path} is there and is no such log: {error}. Give "
                "another path, or take it away"
            ) from error

    def on_epoch_end(self, run: Run, epoch: int, scores: dict[str, Any]) -> None:
        try:
            self.add({"epoch": epoch, "step": run.step, **scores})
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> DataError:
        name = type(self).__name__
        return DataError(f"{name}: {self.path} cannot be written: {error}. Give another path")

    def read(self, text: str) -> list[dict[str, Any]]:
        """The whole entries of a file."""
        raise NotImplementedError

    def begin(self, entries: list[dict[str, Any]]) -> None:
        """Write a file of these entries."""
        raise NotImplementedError

    def add(self, entry: dict[str, Any]) -> None:
        """Write one more."""
        raise NotImplementedError
