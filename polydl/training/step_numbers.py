"""What the loop computes for each update in plain Python, and hands to the step."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from polydl.emission.scalar import scalar_functions
from polydl.program.types import Block
from polydl.schedules.schedule import Schedule
from polydl.training.settings import Training


@dataclass(frozen=True)
class StepNumber:
    """A function of the step. name: its own, and that of the step's argument.

    several: the list of those of several steps.
    """

    name: str
    several: str
    meaning: str
    trace: Callable[[str], dict[str, Block]]

    def lines(self, taken: Collection[str] = ()) -> list[str]:
        """Its text, after the functions that it calls. taken: names of the module around them."""
        blocks = self.trace("number")
        return scalar_functions(blocks, "number", self.name, self.meaning, taken)


def step_numbers(training: Training) -> tuple[StepNumber, ...]:
    """In the order of the step's arguments. What is the same at each step stands in its text."""
    found = []
    rate, average = training.optimizer.learning_rate, training.average
    if isinstance(rate, Schedule):
        meaning = "The learning rate of an update; step is 0 at the first."
        found.append(StepNumber("learning_rate", "rates", meaning, rate.trace))
    if average is not None and average.constant is None:
        meaning = "How far averages move after an update; step is 0 at the first."
        found.append(StepNumber("average_weight", "average_weights", meaning, average.trace))
    return tuple(found)
