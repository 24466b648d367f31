from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.errors import DefinitionError, ShapeError
from polydl.program.types import Block, Value
from polydl.program.unboxed import unboxed
from polydl.spec.config import config_of
from polydl.spec.registry import kind_of
from polydl.spec.tensor import Tensor


class Schedule:
    """A learning rate as a function of the step, which is 0 at the first update.

    A subclass is a dataclass of its settings; `__call__` is its definition, of an int scalar. It
    stands where an optimizer takes a number: `dl.Adam(dl.CosineDecay(1e-3, steps=1000))`. Emitted
    programs compute it in Python's floats, once an update, the same on every backend.

        @dataclass
        class Sawtooth(dl.Schedule):
            peak: float
            period: int

            def __call__(self, step):
                part = (step % self.period).astype("float") / self.period
                return dl.where(step < 3, self.peak, self.peak * (1.0 - part))

    It is made of operations on single numbers (dl.ops), and dl.where in place of `if`. A step whose
    rate is not to be had (the root of a negative number), or is not finite, ends the run with a
    DefinitionError that names it.
    `Sawtooth(0.1, 10).curve(30)` shows the rates.
    """

    def __call__(self, step: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def kind(self) -> str:
        return kind_of(type(self)) or type(self).__name__

    def config(self) -> dict[str, Any]:
        """Its settings, by name."""
        return config_of(self)

    def at(self, step: int) -> float:
        """The rate of one step, as emitted programs compute it."""
        step = unboxed(step)
        if isinstance(step, bool) or not isinstance(step, int) or step < 0:
            raise DefinitionError(
                f"{type(self).__name__}: a step is an integer of 0 or more, got {step!r}"
            )
        return self._function(step)

    def curve(self, steps: int) -> list[float]:
        """The rates of the first `steps` updates, to plot or to look at."""
        function = self._function
        return [function(step) for step in range(steps)]

    @property
    def _function(self) -> Callable[[int], float]:
        from polydl.training.rates import rate_function

        return rate_function(self)

    def trace(self, key: str = "") -> dict[str, Block]:
        """The rate as Blocks, over the step; `key` is its own."""
        from polydl.spec.tracing import trace_function

        def rate(step: Tensor) -> Any:
            return _as_tensor(self(step))

        traced = trace_function(self.kind, rate, [("step", (), "int")], self.config(), key)
        (found, *others) = traced[key].outputs
        if others or not isinstance(found, Value) or found.shape or found.dtype != "float":
            what = f"{len(others) + 1} results" if others else f"{found.dtype}{list(found.shape)}"  # type: ignore[union-attr]
            raise ShapeError(
                f"{type(self).__name__}: a learning rate is one float, got {what}. An int is made one "
                "by step.astype('float')"
            )
        return traced


def _as_tensor(rate: Any) -> Any:
    """A number as what a definition returns."""
    from polydl import ops

    plain = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    return ops.full((), rate) if plain else rate
