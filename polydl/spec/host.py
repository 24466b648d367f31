"""Modules that run another's definition as their own, and compute some of its parameters.

What the guest declares while it runs is the host's: it stands in the host's Block, and in the table
under the host's path. So a wrapped layer is one module in the emitted text too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.errors import DefinitionError, nearest
from polydl.spec.context import current_tracer
from polydl.spec.followed import Followed
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


class Host(Followed):
    """Runs `inner`, with the parameter called `name` computed from the array declared for it."""

    inner: Module
    name: str

    def __call__(self, x: Tensor, *more: Any, **named: Any) -> Any:
        tracer = current_tracer(f"{type(self).__name__} was called")
        builder, path = tracer.stack[-1], tracer.paths[id(self)][0]
        if len(tracer.paths[id(self.inner)]) != len(tracer.paths[id(self)]):
            raise DefinitionError(
                f"{type(self).__name__}: {type(self.inner).__name__} is a part of the model elsewhere "
                "too, with a parameter of its own. Use the wrapped layer in both places"
            )
        builder.guest = self.inner
        try:
            y = type(self.inner).definition(self.inner, x, *more, **named)
        finally:
            builder.guest = None
        prefix = f"{path}." if path else ""
        if f"{prefix}{self.name}" not in tracer.entries:
            own = [p.removeprefix(prefix) for p in tracer.entries if p.startswith(prefix)]
            raise DefinitionError(
                f"{type(self).__name__}: {type(self.inner).__name__} has no parameter {self.name!r} of "
                f"its own. {nearest(self.name, own) if own else 'It has none'}"
            )
        return y

    def computed(self, name: str, declared: Tensor) -> Tensor:
        """What the guest gets for a parameter."""
        return self.compute(declared) if name == self.name else declared

    def compute(self, declared: Tensor) -> Tensor:
        """The guest's parameter, from the array that was declared in its place."""
        raise NotImplementedError

    def follower(self) -> Callable[..., Any] | None:
        return self.inner.follower() if isinstance(self.inner, Followed) else None

    @property
    def kind(self) -> str:
        """No built-in's name: the Block is neither the wrapped layer nor the same for any other."""
        return f"{type(self).__name__}{type(self.inner).__name__}"

    def config(self) -> dict[str, Any]:
        return {**self.inner.config(), **super().config()}
