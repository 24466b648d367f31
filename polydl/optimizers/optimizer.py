from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, ClassVar

from polydl.errors import DefinitionError, ShapeError
from polydl.program.sizes import Shape, Size, same
from polydl.program.types import Block, Value
from polydl.schedules.schedule import Schedule
from polydl.spec.config import config_of
from polydl.spec.registry import kind_of
from polydl.spec.tensor import Tensor


class Optimizer:
    """An update rule, applied to every parameter in its canonical layout.

    A subclass is a dataclass of its settings, `learning_rate` among them: a number or a Schedule.
    `slots` names the arrays it carries for each parameter; `update` gives the parameter's and the
    slots' next values. In it `self.learning_rate` is the rate of the step, whatever gives it.

    elementwise: the rule treats every number alike and sees a parameter as one long axis. Where it is
    False it sees the parameter in its canonical shape.
    """

    learning_rate: float | Schedule
    elementwise: ClassVar[bool] = True

    @property
    def slots(self) -> tuple[str, ...]:
        return ()

    def slot_shape(self, slot: str, shape: Shape) -> Shape:
        """The shape of a slot of a parameter of this shape: the same, unless a rule says otherwise."""
        return shape

    def slot_fill(self, slot: str) -> float:
        """The number that a slot is filled with at first."""
        return 0.0

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        """Next (parameter, *slots), or the parameter alone where there are no slots.

        step is 1 at the first update, as an int scalar.
        """
        raise NotImplementedError

    def for_parameter(self, path: str, shape: tuple[int, ...]) -> Optimizer:
        """The rule for one parameter: this one, unless it has another for some, as Muon has."""
        return self

    def rate_for(self, path: str, shape: tuple[int, ...]) -> float:
        """A factor of the learning rate for one parameter."""
        return 1.0

    @property
    def kind(self) -> str:
        return kind_of(type(self)) or type(self).__name__

    def config(self) -> dict[str, Any]:
        """Its settings, by name."""
        return config_of(self)

    def trace(
        self, key: str = "", shape: Shape | None = None, takes_rate: bool = False
    ) -> dict[str, Block]:
        """The rule as Blocks; `key` is its own.

        shape: of the parameter; by default one symbolic axis, which is what elementwise rules see.
        takes_rate: the learning rate is an input, after the step, and no constant.
        """
        from polydl.spec.tracing import trace_function

        shape = (Size.symbol("size"),) if shape is None else shape
        inputs = [
            ("parameter", shape, "float"),
            ("gradient", shape, "float"),
            ("step", (), "int"),
            *([("learning_rate", (), "float")] if takes_rate else []),
            *((name, self.slot_shape(name, shape), "float") for name in self.slots),
        ]

        def rule(parameter: Tensor, gradient: Tensor, step: Tensor, *others: Tensor) -> Any:
            scheduled = copy.copy(self)
            if takes_rate:
                scheduled.learning_rate, *others = others  # type: ignore[assignment]
            return scheduled.update(parameter, gradient, step, *others)

        config = {**self.config(), "learning_rate": None} if takes_rate else self.config()
        traced = trace_function(self.kind, rule, inputs, config, key)  # type: ignore[arg-type]
        self._check_results(traced[key].outputs, shape)
        return traced

    def _check_results(self, results: Sequence[Any], shape: Shape) -> None:
        """One for the parameter and one for each slot, of their shapes."""
        names = ("parameter", *self.slots)
        name = type(self).__name__
        if len(results) != len(names):
            raise DefinitionError(
                f"{name}.update gives {len(results)} values; it gives the next ({', '.join(names)}), "
                f"which are {len(names)}"
            )
        for what, result in zip(names, results, strict=True):
            wanted = shape if what == "parameter" else self.slot_shape(what, shape)
            given = result.shape if isinstance(result, Value) else ()
            if len(given) != len(wanted) or not all(map(same, given, wanted)):
                raise ShapeError(
                    f"{name}.update gives a {what} of shape {tuple(given)}; it was {tuple(wanted)}"
                )
