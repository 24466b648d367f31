"""Schedules as plain Python: what emitted training programs compute an update's rate with."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from polydl.emission.scalar import scalar_functions
from polydl.errors import DefinitionError
from polydl.execute import execute
from polydl.schedules.schedule import Schedule

_MEANING = "The learning rate of an update; step is 0 at the first."


def schedule_lines(schedule: Schedule, taken: Collection[str] = ()) -> list[str]:
    """The lines of functions of which the last is `learning_rate(step)`, an int's float.

    They need `import math` where "math." is in them. taken: names of the module around them.
    DefinitionError for a schedule that is not made of operations on single numbers.
    """
    return scalar_functions(schedule.trace("rate"), "rate", "learning_rate", _MEANING, taken)


@dataclass(frozen=True)
class CheckedRate:
    """A schedule's function with errors that name it and the step."""

    schedule: Schedule
    function: Callable[[int], float]

    def __call__(self, step: int) -> float:
        """Raises DefinitionError where the function fails, or gives what is no finite number."""
        where = f"{type(self.schedule).__name__}: step {step} (0 at the first update) has no rate"
        try:
            rate = self.function(step)
        except (ArithmeticError, ValueError) as error:
            raise DefinitionError(f"{where}: {type(error).__name__}: {error}") from error
        if not isinstance(rate, (int, float)) or not math.isfinite(rate):
            raise DefinitionError(f"{where}: it gives {rate}")
        return rate


def rate_function(schedule: Schedule) -> Callable[[int], float]:
    """That text, executed, and checked."""
    lines = schedule_lines(schedule)
    header = ["import math", "", ""] if any("math." in line for line in lines) else []
    function: Callable[[int], float] = execute(
        "\n".join([*header, *lines, ""]), "schedule"
    ).learning_rate
    return CheckedRate(schedule, function)
