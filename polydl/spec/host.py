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
    """Runs `inner`, with the parameters of these names computed from the arrays declared for them."""

    inner: Module
    name: str | tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return self.name if isinstance(self.name, tuple) else (self.name,)

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
        for name in self.names:
            if f"{prefix}{name}" not in tracer.entries:
                paths = [p.removeprefix(prefix) for p in tracer.entries if p.startswith(prefix)]
                own = [p for p in paths if not p.startswith("inner.")]  # these are of other modules
                raise DefinitionError(
                    f"{type(self).__name__}: {type(self.inner).__name__} has no parameter {name!r} of "
                    f"its own. {nearest(name, own) if own else self._none(paths)}"
                )
        return y

    def _none(self, paths: list[str]) -> str:
        if not paths:
            return "It has none"
        inner = ", ".join(p.removeprefix("inner.") for p in paths)
        return f"Its parts have: {inner}. Wrap the part, in a module of your own"

    def computed(self, name: str, declared: Tensor) -> Tensor:
        """What the guest gets for a parameter."""
        return self.compute(name, declared) if name in self.names else declared

    def own_name(self, kind: str, name: str) -> str:
        """What an array of a kind is called that belongs to the guest's parameter of a name."""
        return kind if isinstance(self.name, str) else f"{name}_{kind}"

    def compute(self, name: str, declared: Tensor) -> Tensor:
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
