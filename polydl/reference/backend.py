"""The oracle as a backend: calls in both modes, weights, files. It emits nothing and trains nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np

from polydl.backend import Backend, NativeModel, Options
from polydl.emission.emitted import Emitted
from polydl.errors import BackendError, WeightsError
from polydl.precision import floats_rounded
from polydl.program.types import Program
from polydl.reference.interpreter import Interpreter
from polydl.training.emission import EmittedTraining
from polydl.training.script import Script
from polydl.training.settings import Training

_DTYPES = {"float": np.float64, "int": np.int32, "bool": np.bool_}


class ReferenceModel(NativeModel):
    """An Interpreter with its weights, always in float64, whatever dtype the inputs come in.

    Inputs are rounded to the dtype first, as they are on other backends.
    """

    def __init__(self, program: Program, emitted: Emitted, dtype: str = "float64"):
        self.emitted, self.dtype = emitted, dtype
        self.native = Interpreter(program)
        self._values: dict[str, np.ndarray] = {
            path: np.zeros(entry.shape, _DTYPES[entry.dtype])
            for path, entry in program.entries.items()
        }
        self._rng = np.random.default_rng(0)

    def call(
        self, inputs: list[np.ndarray], training: bool, keep_state: bool = False
    ) -> list[np.ndarray]:
        inputs = list(floats_rounded(dict(enumerate(inputs)), self.dtype).values())
        outputs, state = self.native.run(self._values, inputs, training, self._rng)
        if training or keep_state:
            self._values.update(state)
        return outputs

    def get_weights(self) -> dict[str, np.ndarray]:
        return {path: value.copy() for path, value in self._values.items()}

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        for path, value in weights.items():
            self._values[path] = np.array(value, self._values[path].dtype)

    def import_native(self, saved: Any) -> dict[str, np.ndarray]:
        if not isinstance(saved, Mapping):
            raise WeightsError("the reference has no files of its own: use load_weights")
        return dict(saved)


class ReferenceBackend(Backend):
    """NumPy, one function a primitive. Its source is the Program's text, and is not executed."""

    name = "reference"
    trains = False

    def versions(self) -> dict[str, str]:
        return {"numpy": np.__version__}

    def devices(self) -> list[str]:
        return ["cpu"]

    def precision(self, options: Options) -> AbstractContextManager[None]:
        return nullcontext()

    def emit(self, program: Program, options: Options) -> Emitted:
        return Emitted(str(program), "", {})

    def execute(self, emitted: Emitted) -> ModuleType:
        return ModuleType("polydl_reference")

    def build(
        self, program: Program, emitted: Emitted, module: ModuleType, options: Options
    ) -> ReferenceModel:
        return ReferenceModel(program, emitted, options.dtype)

    def emit_training(
        self, program: Program, training: Training, options: Options, script: Script | None = None
    ) -> EmittedTraining:
        raise BackendError("the reference has no training program; compile for another backend")
