from __future__ import annotations

import csv
import io
from typing import Any

from polydl.callbacks.epoch_log import EpochLog
from polydl.spec.registry import builtin


@builtin()
class CSVLogger(EpochLog):
    """A table with a row for each epoch: epoch, step, and the scores that are numbers.

    A row is in the file as soon as its epoch is over. A run that goes on, also from a checkpoint, goes
    on with the file: rows of epochs that it makes again, or that a killed run has written by half, are
    taken out first. A run from the beginning begins the file anew. A score that was not there before
    makes a new column.
    """

    path: Any

    def __post_init__(self) -> None:
        self.check_path()

    def read(self, text: str) -> list[dict[str, Any]]:
        whole = text[: text.rfind("\n") + 1]
        rows = csv.DictReader(io.StringIO(whole, newline=""))
        return [{**row, "epoch": int(row["epoch"])} for row in rows]

    def begin(self, entries: list[dict[str, Any]]) -> None:
        self._entries = entries
        self._columns = list(dict.fromkeys(name for entry in entries for name in entry))
        self._write()

    def add(self, entry: dict[str, Any]) -> None:
        row = {name: value for name, value in entry.items() if not isinstance(value, list)}
        self._entries.append(row)
        if row.keys() <= set(self._columns):
            with open(self.path, "a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, self._columns, lineterminator="\n").writerow(row)
            return
        self._columns += [name for name in row if name not in self._columns]
        self._write()

    def _write(self) -> None:
        with open(self.path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self._columns, lineterminator="\n")
            if self._columns:
                writer.writeheader()
            writer.writerows(self._entries)
