"""polydl's side of every comparison: the only file here that knows its interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import polydl as dl
from benchmarks import models


class OurStep:
    """The emitted training program's step, with numpy batches, as the emitted loop runs it."""

    def __init__(self, trainer: Any) -> None:
        self.trainer, self.count = trainer, 0
        trainer.start()

    def __call__(self, x: np.ndarray, y: np.ndarray) -> Any:
        self.count += 1
        self.results = self.trainer.train_step(x, y, self.count)
        return self.results

    def wait(self) -> None:
        self.trainer.fetch([self.results])


def ours_step(model_name: str, backend: str) -> OurStep:
    net = dl.compile(*models.define(model_name), backend=backend, seed=0)
    return OurStep(net.trainer(models.training()))


def ours_forward(model_name: str, backend: str) -> Callable[[np.ndarray], np.ndarray]:
    return dl.compile(*models.define(model_name), backend=backend, seed=0)


def emit(program: dl.Program, backend: str) -> str:
    """Source text of a traced program, without running it."""
    from polydl.backend import Options, get_backend
    from polydl.program.passes import remove_dead_code

    return get_backend(backend).emit(remove_dead_code(program), Options()).source
