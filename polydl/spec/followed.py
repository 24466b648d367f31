"""Layers whose output a function takes where they are called, and not within them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from polydl.errors import DefinitionError
from polydl.spec.context import current_tracer
from polydl.spec.module import Module


class Followed(Module):
    """So the layer itself stays what frameworks have, and the function is emitted as any other."""

    def follower(self) -> Callable[..., Any] | None:
        """The function, if there is one."""
        return None

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "__call__" not in cls.__dict__:
            return
        plain = cls.__dict__["__call__"]

        @functools.wraps(plain)
        def call(self: Followed, *args: Any, **kwargs: Any) -> Any:
            tracer = current_tracer(f"{type(self).__name__} was called")
            own = tracer.stack[-1].runs(self)  # super().__call__(...)
            follower = None if own else self.follower()
            y = plain(self, *args, **kwargs)
            return y if follower is None else follower(y)

        cls.__call__ = call  # type: ignore

    def check_model(self) -> None:
        if self.follower() is not None:
            raise DefinitionError(
                f"{type(self).__name__} with an activation is no whole model; put it in dl.Sequential"
            )
