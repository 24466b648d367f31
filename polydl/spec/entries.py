"""Parameters and states while a module is traced: declaring, reading and writing them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from polydl.errors import DefinitionError, DTypeError, ShapeError
from polydl.program.sizes import Shape, same_shape
from polydl.program.types import DType, Entry, Initializer, Node, Value
from polydl.spec.apply import apply
from polydl.spec.block_builder import located
from polydl.spec.constants import has_derivative
from polydl.spec.names import assigned_names
from polydl.spec.tensor import Tensor

if TYPE_CHECKING:
    from polydl.spec.module import Module
    from polydl.spec.tracer import Tracer


def declare(
    tracer: Tracer,
    module: Module,
    name: str,
    role: str,
    shape: Shape,
    dtype: DType,
    init: Initializer,
) -> Tensor:
    """Declare a parameter or state of `module`, and read it."""
    paths = tracer.paths[id(module)]
    path = f"{paths[0]}.{name}".lstrip(".")
    known = tracer.entries.get(path)
    builder = tracer.stack[-1]
    with located(builder.where):
        if dtype != "float" and init.name not in ("zeros", "ones", "constant"):
            raise DTypeError(f"{name} is {dtype}; the initializer {init.name!r} gives floats")
        if builder.module is not module:
            raise DefinitionError(
                f"{name!r} belongs to {paths[0]}; a module declares its own parameters, "
                f"others read them as attributes"
            )
        if not all(isinstance(size, int) and not isinstance(size, bool) for size in shape):
            raise ShapeError(
                f"{name} has the shape {tuple(shape)}, but a parameter's sizes must be known. "
                "Give dl.Input fixed sizes on the axes it depends on"
            )
        if any(int(size) < 1 for size in shape):
            raise ShapeError(f"{name} has the shape {tuple(shape)}; sizes must be positive")
        if known is not None and not same_shape(known.shape, shape):
            raise ShapeError(
                f"{name} has the shape {tuple(known.shape)} from an earlier call, and now "
                f"{tuple(shape)} would be needed. One module has one set of weights"
            )
    if known is None:
        aliases = tuple(f"{p}.{name}".lstrip(".") for p in paths[1:])
        sizes = tuple(int(size) for size in shape)
        tracer.entries[path] = Entry(path, role, sizes, dtype, init, aliases)  # type: ignore[arg-type]
    return read(tracer, path)


def read(tracer: Tracer, path: str) -> Tensor:
    """Read an Entry in the current Block; parameters at most once per body."""
    entry, builder = tracer.entries[path], tracer.stack[-1]
    if entry.role == "parameter":
        for reads in builder.reads:
            if path in reads:
                return reads[path]
    names = assigned_names(sys._getframe(1), builder.code)
    value = builder.value(entry.shape, entry.dtype, names[0] if len(names) == 1 else "")
    builder.add(Node("read", (), (value,), {"entry": path}))
    tensor = builder.reads[-1][path] = Tensor(value, builder)
    return tensor


def write(tracer: Tracer, module: Module, name: str, value: Any) -> None:
    path = f"{tracer.paths[id(module)][0]}.{name}".lstrip(".")
    builder = tracer.stack[-1]
    with located(builder.where):
        entry = tracer.entries.get(path)
        if entry is None or entry.role != "state":
            raise DefinitionError(f"{name!r} is no state; declare it with self.state first")
        operand = builder.operand(value, f"update of {name}")
        if not isinstance(operand, Value) or not same_shape(operand.shape, entry.shape):
            raise ShapeError(f"update of {name}: expected shape {entry.shape}, got {value!r}")
        if operand.dtype != entry.dtype:
            raise DTypeError(f"update of {name}: expected {entry.dtype}, got {operand.dtype}")
    if has_derivative(operand, builder.nodes(), tracer.entries):
        operand = apply("stop_gradient", value).value
    builder.add(Node("write", (operand,), (), {"entry": path}))
