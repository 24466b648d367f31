"""polydl's side of every comparison: the only file here that knows its interface."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import polydl as dl
from benchmarks import models
from benchmarks.timing import Clock


class OurStep:
    """The emitted training program's step, with numpy batches, as the emitted loop runs it."""

    def __init__(self, trainer: Any, learning_rate: Callable[[int], float] | None) -> None:
        self.trainer, self.learning_rate, self.count = trainer, learning_rate, 0
        trainer.start()

    def __call__(self, x: np.ndarray, y: np.ndarray) -> Any:
        rate = () if self.learning_rate is None else (self.learning_rate(self.count),)
        self.results = self.trainer.train_step(x, y, self.count, *rate)
        self.count += 1
        return self.results

    def wait(self) -> None:
        self.trainer.fetch([self.results])


class OurFit:
    """The emitted loop, where it takes several steps at a time: what one costs in the middle."""

    def __init__(self, fit: Callable[..., Any], trainer: Any, skip: int = 10) -> None:
        self.fit, self.trainer, self.skip = fit, trainer, skip

    def seconds_per_step(self, x: np.ndarray, y: np.ndarray, clock: Clock) -> float:
        began: dict[int, float] = {}
        clocked = {"epochs": 1, "before_step": lambda step, *_: began.update({step: clock()})}
        self.fit(self.trainer, [x], y, **clocked)
        last = max(began)
        return (began[last] - began[self.skip]) / (last - self.skip)


class OurEpoch:
    """The emitted loop on an epoch's samples: shuffling, batches, steps, scores. Keras' is timed as
    its fit is, in the middle of a run."""

    def __init__(self, model_name: str, backend: str, x: np.ndarray, y: np.ndarray) -> None:
        self.size, self.x, self.y = models.training(model_name).batch_size, x, y
        net = dl.compile(*models.define(model_name), backend=backend, seed=0)
        self.trainer = net.trainer(models.training(model_name))
        self.fit = sys.modules[type(self.trainer).__module__].fit
        if backend == "keras":
            self.seconds_per_step = self._seconds_per_step

    def __call__(self) -> None:
        self.fit(self.trainer, [self.x], self.y, epochs=1, batch_size=self.size)

    def _seconds_per_step(self, clock: Clock) -> float:
        return OurFit(self.fit, self.trainer).seconds_per_step(self.x, self.y, clock)


def ours_step(
    model_name: str,
    backend: str,
    training: Callable[[str], dl.Training] = models.training,
) -> OurStep | OurFit:
    net = dl.compile(*models.define(model_name), backend=backend, seed=0)
    trainer = net.trainer(training(model_name))
    module = sys.modules[type(trainer).__module__]
    if hasattr(trainer, "train_steps"):
        return OurFit(module.fit, trainer)
    return OurStep(trainer, getattr(module, "learning_rate", None))


def ours_recipe(model_name: str, backend: str) -> OurStep | OurFit:
    return ours_step(model_name, backend, models.recipe)


def ours_forward(model_name: str, backend: str) -> Callable[[np.ndarray], np.ndarray]:
    return dl.compile(*models.define(model_name), backend=backend, seed=0)


def emit(program: dl.Program, backend: str) -> str:
    """Source text of a traced program, without running it."""
    from polydl.backend import Options, get_backend
    from polydl.program.passes import remove_dead_code

    return get_backend(backend).emit(remove_dead_code(program), Options()).source
