from __future__ import annotations

import json
import math
from typing import Any

from polydl.callbacks.epoch_log import EpochLog
from polydl.spec.registry import builtin


@builtin()
class JSONLinesLogger(EpochLog):
    """A JSON object a line for each epoch: epoch, step, and the scores, arrays as nested lists.

    What is not finite is null: JSON has no NaN.
    A run that goes on does so with the file: as CSVLogger.
    """

    path: Any

    def __post_init__(self) -> None:
        self.check_path()

    def read(self, text: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def begin(self, entries: list[dict[str, Any]]) -> None:
        with open(self.path, "w", encoding="utf-8") as file:
            file.writelines(_line(entry) for entry in entries)

    def add(self, entry: dict[str, Any]) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(_line(entry))


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(_finite(entry), allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
