from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polydl.callbacks.callback import Callback
from polydl.callbacks.event_file import record, scalar_event, start_event, version_event
from polydl.errors import DataError
from polydl.spec.registry import builtin

if TYPE_CHECKING:
    from polydl.training.run import Run


@builtin()
class TensorBoard(Callback):
    """Scores of each epoch that are numbers, as event files: `tensorboard --logdir folder` shows them.

    Those of training and of validation go to the folders `train` and `validation` in it, under one
    name, so that a chart has both curves, over the number of updates. A run that goes on adds files;
    what a killed run has written of steps that are made again is void. Nothing needs to be installed
    to write them. Keras' TensorBoard has the same folders, and epochs on its axis.
    """

    folder: Any

    def __post_init__(self) -> None:
        good = isinstance(self.folder, (str, os.PathLike)) and bool(str(self.folder))
        self.require(good, "folder must be a path", self.folder)
        self.folder = os.fspath(self.folder)

    def apart(self, name: str) -> TensorBoard:
        return TensorBoard(os.path.join(self.folder, name))

    def on_train_begin(self, run: Run) -> None:
        now = time.time()
        # readers take files in the order of their names
        name = f"events.out.tfevents.{int(now):010d}.{time.time_ns()}.{secrets.token_hex(4)}"
        self._files = {part: Path(self.folder, part, name) for part in ("train", "validation")}
        self._begun = run.step + 1
        self._open: set[str] = set()
        try:
            for place in self._files.values():
                place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def on_epoch_end(self, run: Run, epoch: int, scores: dict[str, Any]) -> None:
        found: dict[str, dict[str, float]] = {"train": {}, "validation": {}}
        known = set(run.training.score_names)
        for name, value in scores.items():
            if not isinstance(value, list):
                part = "train" if name in known else "validation"
                found[part][name if name in known else name.removeprefix("val_")] = value
        try:
            for part, scalars in found.items():
                if scalars:
                    self._add(part, run.step, scalars)
        except OSError as error:
            raise self._unwritable(error) from error

    def _add(self, part: str, step: int, scalars: dict[str, float]) -> None:
        now = time.time()
        events = [scalar_event(now, step, scalars)]
        if part not in self._open:
            events = [version_event(now), start_event(now, self._begun), *events]
            self._open.add(part)
        with open(self._files[part], "ab") as file:
            file.write(b"".join(record(event) for event in events))

    def _unwritable(self, error: OSError) -> DataError:
        return DataError(
            f"TensorBoard: {self.folder} cannot be written: {error}. Give another folder"
        )
