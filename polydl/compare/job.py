"""What the processes of a comparison share: a folder with the Program, the Training and the arrays."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polydl.program.structure import unflatten
from polydl.program.types import Program
from polydl.training.arrays import Data
from polydl.training.head_data import nested
from polydl.training.settings import Training

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
    data: Data
    validation: Data | None
    options: RunOptions

    def write(self, folder: Path) -> None:
        (folder / "program.json").write_text(self.program.to_json(), encoding="utf-8")
        (folder / "training.json").write_text(self.training.to_json(), encoding="utf-8")
        (folder / "options.json").write_text(json.dumps(asdict(self.options)), encoding="utf-8")
        arrays = self._named("data", self.data)
        if self.validation is not None:
            arrays |= self._named("validation", self.validation)
        np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]

    @staticmethod
    def read(folder: Path) -> Job:
        program = Program.from_json((folder / "program.json").read_text(encoding="utf-8"))
        training = Training.from_json((folder / "training.json").read_text(encoding="utf-8"))
        options = RunOptions(**json.loads((folder / "options.json").read_text(encoding="utf-8")))
        with np.load(folder / "arrays.npz") as file:
            arrays = dict(file)

        def data(part: str) -> Data:
            inputs = [arrays[f"{part}_{i}"] for i in range(len(program.root.inputs))]
            return inputs, tuple(arrays[f"{part}_{name}"] for name in training.given)

        validation = data("validation") if "validation_0" in arrays else None
        return Job(program, training, data("data"), validation, options)

    def _named(self, part: str, data: Data) -> dict[str, np.ndarray]:
        """Arrays under the names of a file."""
        given = dict(zip(self.training.given, data[1], strict=True))
        return {f"{part}_{k}": x for k, x in [*enumerate(data[0]), *given.items()]}

    def nested(self, data: Data) -> tuple[Any, ...]:
        """Data as `fit` takes them."""
        inputs = unflatten(self.program.inputs, data[0])
        return (inputs, *nested(self.training.heads, data[1]))

    def sample(self) -> list[np.ndarray]:
        """Inputs that outputs are compared on."""
        size = self.program.root.inputs[0].shape[0]
        count = size if isinstance(size, int) else min(CHECK_SAMPLES, len(self._order))
        return self._batch(0, count)[0]

    def batch(self, number: int) -> Data:
        """A full batch (all samples, if they are fewer). After the last one, the first again."""
        count = len(self._order)
        size = min(self.training.batch_size, count)
        return self._batch((number % (count // size)) * size, size)

    def _batch(self, start: int, size: int) -> Data:
        chosen = self._order[start : start + size]
        return [x[chosen] for x in self.data[0]], tuple(x[chosen] for x in self.data[1])

    @property
    def _order(self) -> np.ndarray:
        """Drawn, not as given: data are often sorted by label."""
        return np.random.default_rng(0).permutation(len(self.data[0][0]))
