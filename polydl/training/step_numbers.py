"""What the loop computes for each update in plain Python, and hands to the step."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from polydl.emission.scalar import scalar_functions
from polydl.execute import execute
from polydl.program.types import Block
from polydl.schedules.schedule import Schedule
from polydl.training.callback_text import around_rate
from polydl.training.settings import Training


@dataclass(frozen=True)
class StepNumber:
    """A function of the step. name: its own, and that of the step's argument.

    several: the list of those of several steps. trace: its definition, None where it is `constant`.
    around: what callbacks make of it, as a format of that text and of the step.
    """

    name: str
    several: str
    meaning: str
    trace: Callable[[str], dict[str, Block]] | None
    constant: float = 0.0
    around: str = "{0}"

    def text(self, step: str) -> str:
        """The number of the step of this text."""
        inner = repr(self.constant) if self.trace is None else f"{self.name}({step})"
        return self.around.format(inner, step=step)

    def list_text(self, count: str) -> str:
        """The numbers of so many steps, from `step` on."""
        text, plain = self.text("step + i"), self.text("")
        return f"[{text}] * {count}" if text == plain else f"[{text} for i in range({count})]"

    def lines(self, taken: Collection[str] = ()) -> list[str]:
        """Its text, after the functions that it calls. taken: names of the module around them."""
        if self.trace is None:
            return []
        blocks = self.trace("number")
        return scalar_functions(blocks, "number", self.name, self.meaning, taken)

    def function(self) -> Callable[[int], float]:
        """It, of steps."""
        lines, constant = self.lines(), self.constant
        if not lines:
            return lambda step: constant
        header = ["import math", "", ""] if any("math." in line for line in lines) else []
        module = execute("\n".join([*header, *lines, ""]), self.name)
        found: Callable[[int], float] = getattr(module, self.name)
        return found


def step_numbers(training: Training) -> tuple[StepNumber, ...]:
    """In the order of the step's arguments. What is the same at each step stands in its text."""
    found = []
    rate, average = training.optimizer.learning_rate, training.average
    if training.takes_rate:
        meaning = "The learning rate of an update; step is 0 at the first."
        trace, constant = (rate.trace, 0.0) if isinstance(rate, Schedule) else (None, float(rate))
        around = around_rate(training)
        found.append(StepNumber("learning_rate", "rates", meaning, trace, constant, around))
    if average is not None and average.constant is None:
        meaning = "How far averages move after an update; step is 0 at the first."
        found.append(StepNumber("average_weight", "average_weights", meaning, average.trace))
    if training.gradient_noise is not None:
        meaning = "The standard deviation of a gradient's noise; step is 0 at the first."
        trace = training.gradient_noise.trace_deviation
        found.append(StepNumber("noise_deviation", "noise_deviations", meaning, trace))
    return tuple(found)


def number_functions(training: Training) -> Callable[[int], list[float]]:
    """The numbers of a step, in that order, as callbacks find them that have changed nothing."""
    functions = [number.function() for number in step_numbers(training)]
    return lambda step: [function(step) for function in functions]
