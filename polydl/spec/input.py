"""What a model is given: shapes and dtypes of its inputs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polydl.errors import DefinitionError
from polydl.program.names import is_variable
from polydl.program.structure import flatten
from polydl.program.types import DType, Structure
from polydl.program.unboxed import unboxed


@dataclass(frozen=True)
class Input:
    """One input array.

    shape: sizes; None for a size known only when the model runs (the first such axis is the batch),
    or a string that names it, so that two inputs can share it. dtype: "float" (the floating type
    chosen when compiling), "int" (int32) or "bool". name: by default the argument's name.
    """

    shape: tuple[int | str | None, ...]
    dtype: DType = "float"
    name: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.shape, (int, str)) or not isinstance(self.shape, Sequence):
            raise DefinitionError(
                f"Input: shape must be a tuple such as (None, 8), got {self.shape!r}"
            )
        object.__setattr__(self, "shape", unboxed(tuple(self.shape)))
        for size in self.shape:
            named = isinstance(size, str) and is_variable(size)
            number = isinstance(size, int) and not isinstance(size, bool) and size > 0
            if not (size is None or named or number):
                raise DefinitionError(
                    f"Input: {size!r} in {self.shape} is no size; use a positive int, None, or a name"
                )
        if self.dtype not in ("float", "int", "bool"):
            raise DefinitionError(
                f"Input: dtype must be 'float', 'int' or 'bool', got {self.dtype!r}"
            )
        if self.name is not None and not (isinstance(self.name, str) and is_variable(self.name)):
            raise DefinitionError(f"Input: {self.name!r} is no name for an argument")


def named_inputs(
    model: Any, inputs: Input | Sequence[Input] | Mapping[str, Input]
) -> tuple[list[str], list[Input], Structure]:
    """Inputs in order with a name each, and how they are nested."""
    specs, structure = flatten(inputs)
    for spec in specs:
        if not isinstance(spec, Input):
            raise DefinitionError(f"inputs must be dl.Input, got {type(spec).__name__}")
    if not specs:
        raise DefinitionError("a model takes at least one input, such as dl.Input((None, 8))")
    if isinstance(inputs, Mapping):
        if len(specs) != len(inputs):
            raise DefinitionError("a dict of inputs holds one dl.Input under each name")
        for name in inputs:
            if not isinstance(name, str) or not is_variable(name):
                raise DefinitionError(f"inputs: {name!r} is no name for an argument")
        return list(inputs), specs, structure
    signature = inspect.signature(type(model).definition).parameters.values()
    parameters = [p.name for p in signature if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    defaults = [parameters[i] if i < len(parameters) else f"x{i}" for i in range(len(specs))]
    names = [spec.name or name for spec, name in zip(specs, defaults, strict=True)]
    if len(set(names)) != len(names):
        raise DefinitionError(f"two inputs share a name: {names}")
    return names, specs, structure
