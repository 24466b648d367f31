from __future__ import annotations

from typing import Any

from polydl import ops
from polydl.errors import ShapeError
from polydl.program.types import Block, Value
from polydl.spec.config import config_of
from polydl.spec.registry import kind_of
from polydl.spec.tensor import Tensor


class Average:
    """A running average a of each parameter p that is trained: a = a + weight (p - a).

    It begins as the parameter, and moves after each update. State, such as BatchNorm's statistics, is
    not averaged. Training goes on with the parameters themselves; scores of validation, and of
    `net.evaluate` with the same Training, are those of the averages. `net.averaged_weights` gives
    them, `net.load_weights(net.averaged_weights)` puts them into the net.

    A subclass is a dataclass of its settings; `weight` is its definition.
    """

    def weight(self, step: Tensor) -> Tensor | float:
        """How far averages move, from 0 to 1, after the update of a step. The first step is 0."""
        raise NotImplementedError

    @property
    def kind(self) -> str:
        return kind_of(type(self)) or type(self).__name__

    def config(self) -> dict[str, Any]:
        """Its settings, by name."""
        return config_of(self)

    def trace(self, key: str = "") -> dict[str, Block]:
        """`weight` as Blocks, over the step; `key` is its own."""
        return self._traced(key)[0]

    @property
    def constant(self) -> float | None:
        """The weight where it is the same at every step."""
        return self._traced("")[1]

    def _traced(self, key: str) -> tuple[dict[str, Block], float | None]:
        from polydl.spec.tracing import trace_function

        numbers: list[float] = []

        def weight(step: Tensor) -> Any:
            found = self.weight(step)
            if isinstance(found, (int, float)) and not isinstance(found, bool):
                numbers.append(float(found))
                return ops.full((), float(found))
            return found

        traced = trace_function(self.kind, weight, [("step", (), "int")], self.config(), key)
        (found, *others) = traced[key].outputs
        if others or not isinstance(found, Value) or found.shape or found.dtype != "float":
            raise ShapeError(f"{type(self).__name__}: the weight of a step is one float")
        return traced, numbers[0] if numbers else None
