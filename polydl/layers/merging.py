from __future__ import annotations

from functools import reduce

from polydl import ops
from polydl.errors import DefinitionError, ShapeError
from polydl.spec.module import Function, Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Concatenate(Module):
    """Tensors joined along an axis, the last by default: Concatenate()(a, b, c)."""

    axis: int = -1

    def __call__(self, *parts: Tensor) -> Tensor:
        return ops.concatenate(_several("Concatenate", parts), self.axis)


@builtin()
class Add(Module):
    """The sum of tensors that broadcast: Add()(a, b, c) = a + b + c."""

    def __call__(self, *parts: Tensor) -> Tensor:
        return reduce(lambda a, b: a + b, _several("Add", parts))


@builtin()
class Multiply(Module):
    """The product of tensors that broadcast: Multiply()(a, b, c) = a b c."""

    def __call__(self, *parts: Tensor) -> Tensor:
        return reduce(lambda a, b: a * b, _several("Multiply", parts))


def _several(name: str, parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if len(parts) < 2:
        raise ShapeError(f"{name} takes two tensors at least, as in {name}()(a, b)")
    return parts


class Residual(Module):
    """x + inner(x), or shortcut(x) + inner(x) where inner changes the shape. He et al. 2015."""

    def __init__(self, inner: Module | Function, shortcut: Module | Function | None = None):
        for name, part in (("inner", inner), ("shortcut", shortcut)):
            if part is not None and not isinstance(part, (Module, Function)):
                raise DefinitionError(f"Residual: {name} is a module, got {part!r}")
        self.inner = inner
        self.shortcut = shortcut

    def __call__(self, x: Tensor) -> Tensor:
        beside = x if self.shortcut is None else self.shortcut(x)
        y = self.inner(x)
        if len(y.shape) != len(beside.shape) or any(
            isinstance(a, int) and isinstance(b, int) and a != b
            for a, b in zip(y.shape, beside.shape, strict=True)
        ):
            raise ShapeError(
                f"Residual: inner gives {y!r}, beside it is {beside!r}; give a shortcut that changes "
                "x alike, such as dl.Dense or a 1x1 convolution"
            )
        return beside + y
