from __future__ import annotations

import math
from typing import Any

from polydl import ops
from polydl.errors import DefinitionError, ShapeError
from polydl.layers.checks import require_within
from polydl.program.sizes import Size
from polydl.program.types import Block
from polydl.spec.config import config_of
from polydl.spec.registry import kind_of
from polydl.spec.tensor import Tensor


class Penalty:
    """rate * the sum of `values` over all numbers of the parameters that it is of.

    It is part of the loss, in training and in evaluation: scores named "loss" hold it. where: a
    pattern of canonical paths, such as "*.kernel"; None for parameters of two axes or more (no
    biases, no scales of norms). Frozen parameters, whose penalty would be a constant, are left out.
    Where a batch is taken in parts (`accumulate`) it counts once an update.

    A subclass is a dataclass of its settings, `rate` and `where` among them; `values` is its
    definition, elementwise.

        @dataclass
        class LogPenalty(dl.Penalty):
            rate: float
            where: str | None = None
            scale: float = 1.0

            def values(self, parameter):
                return dl.ops.log1p(dl.ops.abs(parameter) / self.scale)
    """

    rate: float
    where: str | None

    def __post_init__(self) -> None:
        name = type(self).__name__
        require_within(name, 0.0, math.inf, rate=self.rate)
        if self.where is not None and (not isinstance(self.where, str) or not self.where):
            raise DefinitionError(
                f"{name}: where must be a pattern of paths such as '*.kernel', got {self.where!r}"
            )

    def check(self) -> None:
        """Raise DefinitionError for one of a user's own that lacks what a penalty has."""
        lacks = {"rate", "where"} - set(getattr(self, "__dataclass_fields__", ()))
        if lacks or type(self).values is Penalty.values:
            raise DefinitionError(
                f"{type(self).__name__}: a penalty is a dataclass with the fields rate and where, and "
                "with def values(self, parameter), the penalty of each number; see dl.Penalty"
            )

    def values(self, parameter: Tensor) -> Tensor:
        """The penalty of each number, before `rate`."""
        raise NotImplementedError

    @property
    def kind(self) -> str:
        return kind_of(type(self)) or type(self).__name__

    def config(self) -> dict[str, Any]:
        """Its settings, by name."""
        return config_of(self)

    def trace(self, key: str = "") -> dict[str, Block]:
        """The sum of `values` as Blocks, over one axis; `key` is its own."""
        from polydl.spec.tracing import trace_function

        settings = {k: v for k, v in self.config().items() if k not in ("rate", "where")}
        inputs = [("parameter", (Size.symbol("size"),), "float")]
        return trace_function(self.kind, self.total, inputs, settings, key)  # type: ignore[arg-type]

    def total(self, parameter: Tensor) -> Tensor:
        """The sum of `values`, over one axis."""
        found = self.values(parameter)
        alike = isinstance(found, Tensor) and found.shape == parameter.shape
        if not alike or found.dtype != "float":
            raise ShapeError(
                f"{type(self).__name__}: values must be a float for each number of a parameter; their "
                "sum is the penalty"
            )
        return ops.sum(found)
