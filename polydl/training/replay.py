"""Making steps again, one by one, until one that went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from polydl.training.guard import Guard, not_finite
from polydl.training.run_state import RunState


class ReachedError(Exception):
    """A replay is before the step that it was to reach."""


@dataclass
class Replay:
    """A Trainer that goes step by step until `last`, which it does not make. It stands in for one.

    to_the_end: of an epoch, whose last step is before `last`. looks: at the weights before each step,
    and ends where they are not finite, which takes a copy of them a step.
    kept: where the run stood before the last step that was made; found: after it. batches: the
    arguments of steps, by step: of that one and of the next.
    """

    guard: Guard
    last: int
    to_the_end: bool
    looks: bool = False
    kept: RunState | None = None
    found: RunState | None = None

    def __post_init__(self) -> None:
        self.trainer = self.guard.prepared.trainer
        self.batches: dict[int, tuple[np.ndarray, ...]] = {}
        self.steps_per_execution = 1
        self.count = len(self.guard.prepared.emitted.parts.arrays)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.trainer, name)

    def train_step(self, *arguments: Any) -> Any:
        step = arguments[self.count]
        if self.looks or step >= self.last - 1:
            before = {step - 1: self.batches[step - 1]} if step - 1 in self.batches else {}
            self.batches = {**before, step: arguments[: self.count]}
            if step == self.last:
                raise ReachedError
            self.trainer.finish()
            now = self.guard.keep(step)
            self.trainer.start()
            if self.looks and not_finite(now.weights):
                self.found = now
                raise ReachedError
            self.kept = now
        return self.trainer.train_step(*arguments)

    def fetch(self, results: list[Any]) -> np.ndarray:
        """At an epoch's end, which is not made where the steps until then are all that is wanted."""
        if self.to_the_end and self.last - 1 in self.batches:
            raise ReachedError
        return self.trainer.fetch(results)

    def train_steps(self, *arguments: Any) -> Any:
        """Of executions of one step."""
        arrays, (step, *rates) = arguments[: self.count], arguments[self.count :]
        return self.train_step(*(x[0] for x in arrays), step, *(rate[0] for rate in rates))
