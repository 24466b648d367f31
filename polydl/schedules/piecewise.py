from __future__ import annotations

from collections.abc import Sequence

from polydl import ops
from polydl.errors import DefinitionError
from polydl.schedules.checks import boundaries, require_schedule
from polydl.schedules.schedule import Schedule
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Piecewise(Schedule):
    """values[0] before step boundaries[0], then values[1] before boundaries[1], and so on.

    A value is a number, or a Schedule, which counts from 0 at the boundary where it begins. There is
    one value more than there are boundaries. Of numbers it is keras PiecewiseConstantDecay, which
    changes one step later (after `boundaries[0]`, not at it), and optax.piecewise_constant_schedule,
    which takes factors. Of schedules it is optax.join_schedules and torch SequentialLR.
    """

    boundaries: tuple[int, ...]
    values: tuple[float | Schedule, ...]

    def __post_init__(self) -> None:
        self.boundaries = boundaries("Piecewise", self.boundaries)
        if not isinstance(self.values, Sequence) or isinstance(self.values, str):
            raise DefinitionError(
                f"Piecewise: values must be a list of numbers and schedules, got {self.values!r}"
            )
        self.values = tuple(self.values)
        count = len(self.boundaries)
        if len(self.values) != count + 1:
            part = "1 boundary parts" if count == 1 else f"{count} boundaries part"
            raise DefinitionError(f"Piecewise: {part} {count + 1} values, got {len(self.values)}")
        for i, value in enumerate(self.values):
            require_schedule("Piecewise", f"values[{i}]", value)

    def __call__(self, step: Tensor) -> Tensor:
        starts = [0, *self.boundaries]
        pieces = [
            self._piece(value, step, start)
            for value, start in zip(self.values, starts, strict=True)
        ]
        rate = pieces.pop()
        for boundary, piece in zip(self.boundaries[::-1], pieces[::-1], strict=True):
            rate = ops.where(step < boundary, piece, rate)
        return rate

    @staticmethod
    def _piece(value: float | Schedule, step: Tensor, start: int) -> Tensor:
        if not isinstance(value, Schedule):
            return ops.full((), value)
        if start == 0:
            return value(step)
        since = step - start
        return value(since)
