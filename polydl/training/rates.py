"""Schedules as plain Python: what emitted training programs compute an update's rate with."""

from __future__ import annotations

from collections.abc import Callable, Collection

from polydl.emission.scalar import scalar_functions
from polydl.execute import execute
from polydl.schedules.schedule import Schedule

_MEANING = "The learning rate of an update; step is 0 at the first."


def schedule_lines(schedule: Schedule, taken: Collection[str] = ()) -> list[str]:
    """The lines of functions of which the last is `learning_rate(step)`, an int's float.

    They need `import math` where "math." is in them. taken: names of the module around them.
    DefinitionError for a schedule that is not made of operations on single numbers.
    """
    return scalar_functions(schedule.trace("rate"), "rate", "learning_rate", _MEANING, taken)


def rate_function(schedule: Schedule) -> Callable[[int], float]:
    """That text, executed."""
    lines = schedule_lines(schedule)
    header = ["import math", "", ""] if any("math." in line for line in lines) else []
    function: Callable[[int], float] = execute(
        "\n".join([*header, *lines, ""]), "schedule"
    ).learning_rate
    return function
