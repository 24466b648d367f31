"""A training script with the files that it loads, on their way to a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polydl.errors import PolydlError
from polydl.sources.opening import Opened
from polydl.training.emission import EmittedTraining
from polydl.training.script import Script


@dataclass(frozen=True)
class WrittenScript:
    """weights: by native name. opened: the arrays; those of batches from an iterable are not kept."""

    script: Script
    emitted: EmittedTraining
    opened: Opened
    weights: Mapping[str, np.ndarray]

    @property
    def source(self) -> str:
        return self.emitted.source

    def write(self, folder: Path) -> list[Path]:
        """Write all of it into a folder that is there. Raises PolydlError where that fails."""
        text = folder / f"{self.script.stem}.py"
        files = {folder / self.script.file(what): arrays for what, arrays in self._arrays().items()}
        try:
            for path, arrays in files.items():
                with path.open("wb") as file:
                    np.savez(file, allow_pickle=False, **arrays)  # type: ignore[arg-type]
            text.write_text(self.source, encoding="utf-8")
        except OSError as error:
            raise PolydlError(
                f"{folder}: the script cannot be written: {error.strerror}"
            ) from error
        return [text, *files]

    def _arrays(self) -> dict[str, Mapping[str, np.ndarray]]:
        if self.opened.training.data == "batches":
            return {"weights": self.weights}
        found = {"data": self._named(self.opened.data)}
        if self.opened.validation is not None:
            found["validation"] = self._named(self.opened.validation)
        return {**found, "weights": self.weights}

    def _named(self, arrays: Any) -> dict[str, np.ndarray]:
        inputs, *given = arrays
        return dict(zip(self.emitted.parts.arrays, [*inputs, *given], strict=True))
