"""What the processes of a comparison share: a folder with the Program, the Training and the arrays."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polydl.program.structure import unflatten
from polydl.program.types import Program
from polydl.training.settings import Training

Arrays = tuple[list[np.ndarray], np.ndarray]  # inputs in flat order, targets

CHECK_STEPS = 3
CHECK_SAMPLES = 32


@dataclass(frozen=True)
class RunOptions:
    """How every backend runs."""

    device: str
    dtype: str
    threads: int


@dataclass(frozen=True)
class Job:
    """One training run, the same for every backend."""

    program: Program
    training: Training
    data: Arrays
    validation: Arrays | None
    options: RunOptions

    def write(self, folder: Path) -> None:
        (folder / "program.json").write_text(self.program.to_json(), encoding="utf-8")
        (folder / "training.json").write_text(self.training.to_json(), encoding="utf-8")
        (folder / "options.json").write_text(json.dumps(asdict(self.options)), encoding="utf-8")
        arrays = {f"data_{i}": x for i, x in enumerate(self.data[0])} | {"targets": self.data[1]}
        if self.validation is not None:
            arrays |= {f"validation_{i}": x for i, x in enumerate(self.validation[0])}
            arrays["validation_targets"] = self.validation[1]
        np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]

    @staticmethod
    def read(folder: Path) -> Job:
        program = Program.from_json((folder / "program.json").read_text(encoding="utf-8"))
        training = Training.from_json((folder / "training.json").read_text(encoding="utf-8"))
        options = RunOptions(**json.loads((folder / "options.json").read_text(encoding="utf-8")))
        with np.load(folder / "arrays.npz") as file:
            arrays = dict(file)
        count = len(program.root.inputs)
        data = [arrays[f"data_{i}"] for i in range(count)], arrays["targets"]
        validation = None
        if "validation_targets" in arrays:
            inputs = [arrays[f"validation_{i}"] for i in range(count)]
            validation = inputs, arrays["validation_targets"]
        return Job(program, training, data, validation, options)

    def nested(self, arrays: Arrays) -> tuple[Any, np.ndarray]:
        """Inputs as the model takes them, and targets."""
        return unflatten(self.program.inputs, arrays[0]), arrays[1]

    def sample(self) -> list[np.ndarray]:
        """Inputs that outputs are compared on."""
        size = self.program.root.inputs[0].shape[0]
        count = size if isinstance(size, int) else min(CHECK_SAMPLES, len(self._order))
        return self._batch(0, count)[0]

    def batch(self, number: int) -> Arrays:
        """A full batch (all samples, if they are fewer). After the last one, the first again."""
        count = len(self._order)
        size = min(self.training.batch_size, count)
        return self._batch((number % (count // size)) * size, size)

    def _batch(self, start: int, size: int) -> Arrays:
        chosen = self._order[start : start + size]
        return [x[chosen] for x in self.data[0]], self.data[1][chosen]

    @property
    def _order(self) -> np.ndarray:
        """Drawn, not as given: data are often sorted by label."""
        return np.random.default_rng(0).permutation(len(self.data[1]))
