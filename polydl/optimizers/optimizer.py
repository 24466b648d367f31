from __future__ import annotations

import dataclasses
from typing import Any

from polydl.program.sizes import Size
from polydl.program.types import Block
from polydl.spec.registry import kind_of
from polydl.spec.tensor import Tensor


class Optimizer:
    """An update rule, applied to every parameter in its canonical layout.

    A subclass is a dataclass of its settings. `slots` names the arrays it carries for each
    parameter, zero at first; `update` gives the parameter's and the slots' next values.
    """

    learning_rate: float

    @property
    def slots(self) -> tuple[str, ...]:
        return ()

    def update(
        self, parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        """Next (parameter, *slots). step is 1 at the first update, as an int scalar."""
        raise NotImplementedError

    @property
    def kind(self) -> str:
        return kind_of(type(self)) or type(self).__name__

    def config(self) -> dict[str, Any]:
        """Its settings, by name."""
        return dataclasses.asdict(self)  # type: ignore[call-overload]

    def trace(self, key: str = "") -> dict[str, Block]:
        """The rule as Blocks, over a parameter of any shape (one symbolic axis); `key` is its own."""
        from polydl.spec.tracing import trace_function

        shape = (Size.symbol("size"),)
        inputs = [
            ("parameter", shape, "float"),
            ("gradient", shape, "float"),
            ("step", (), "int"),
            *((name, shape, "float") for name in self.slots),
        ]

        def rule(parameter: Tensor, gradient: Tensor, step: Tensor, *slots: Tensor) -> Any:
            return self.update(parameter, gradient, step, *slots)

        return trace_function(self.kind, rule, inputs, self.config(), key)  # type: ignore[arg-type]
