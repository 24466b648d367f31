"""The choice between what a model does in training and what it does when it is used."""

from __future__ import annotations

import sys
from typing import Any

from polydl.errors import DefinitionError, ShapeError
from polydl.program.sizes import same_shape
from polydl.program.structure import unflatten
from polydl.program.types import Node, Value
from polydl.spec.block_builder import located
from polydl.spec.context import current_tracer
from polydl.spec.names import assigned_names
from polydl.spec.tensor import Tensor


def when_training(training: Any, inference: Any) -> Any:
    """`training` while the model trains, `inference` when it is used.

    Each is a function of no arguments, or ready tensors; both must give the same structure, shapes
    and dtypes. Only the chosen one runs.
    """
    tracer = current_tracer("dl.when_training was called")
    builder = tracer.stack[-1]
    with located(builder.where):
        first, structure = builder.region(training)
        second, other = builder.region(inference)
        if structure != other:
            raise DefinitionError("dl.when_training: its two sides return different structures")
        for a, b in zip(first.outputs, second.outputs, strict=True):
            if not (isinstance(a, Value) and isinstance(b, Value)):
                raise DefinitionError("dl.when_training: both sides must return tensors")
            if a.dtype != b.dtype or not same_shape(a.shape, b.shape):
                raise ShapeError(
                    f"dl.when_training: one side gives {a.dtype}{a.shape}, the other "
                    f"{b.dtype}{b.shape}"
                )
    names = assigned_names(sys._getframe(1), builder.code)
    values = [o for o in first.outputs if isinstance(o, Value)]
    outputs = tuple(
        builder.value(o.shape, o.dtype, names[i] if len(names) == len(values) else "")
        for i, o in enumerate(values)
    )
    builder.add(Node("when_training", (), outputs, {}, (first, second)))
    return unflatten(structure, [Tensor(value, builder) for value in outputs])
