"""Tracing: a definition is called once on symbolic tensors, and what it does becomes a Program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from polydl.errors import DefinitionError
from polydl.program.sizes import Shape, Size
from polydl.program.structure import unflatten
from polydl.program.types import Block, DType, Entry, Program, Structure
from polydl.spec.block_builder import BlockBuilder
from polydl.spec.context import running
from polydl.spec.input import Input, named_inputs
from polydl.spec.module import Function, Module, Sequential, module_paths
from polydl.spec.tensor import Tensor
from polydl.spec.tracer import Tracer

T = TypeVar("T", Block, Entry)


def trace(
    model: Module | Function, inputs: Input | Sequence[Input] | Mapping[str, Input]
) -> Program:
    """Call `model` once on symbolic tensors and return what it does, as a Program.

    inputs: one Input; a tuple of Inputs, given as positional arguments; or a dict of Inputs, given
    as keyword arguments. Raises DefinitionError, ShapeError or DTypeError with the layer's path.
    """
    if isinstance(model, Function):
        model = Sequential(model)
    if not isinstance(model, Module):
        raise DefinitionError(
            f"a model is an instance of dl.Module, got {type(model).__name__}. "
            "Wrap functions as dl.Sequential([function])"
        )
    type(model).check_model(model)
    names, specs, structure = named_inputs(model, inputs)
    tracer = Tracer(module_paths(model))
    with running(tracer):
        return _trace_root(tracer, model, names, specs, structure)


def trace_function(
    kind: str,
    definition: Callable[..., Any],
    inputs: Sequence[tuple[str, Shape, DType]],
    config: Mapping[str, Any],
    key: str = "",
) -> dict[str, Block]:
    """Trace a function of tensors by itself: its Block under `key`, and the Blocks it calls."""
    tracer = Tracer({})
    builder = BlockBuilder(key, kind, "", None, config, definition.__code__)
    builder.inputs = tuple(builder.value(shape, dtype, name) for name, shape, dtype in inputs)
    tensors = [Tensor(value, builder) for value in builder.inputs]
    with running(tracer):
        block = tracer.run(builder, definition, tensors)
    return {key: block, **tracer.blocks}


def _trace_root(
    tracer: Tracer,
    model: Module,
    names: Sequence[str],
    specs: Sequence[Input],
    structure: Structure,
) -> Program:
    builder = tracer.open_block(model, "", type(model).definition)
    symbols = _Symbols()
    builder.inputs = tuple(
        builder.value(symbols.shape(spec, name), spec.dtype, name)
        for name, spec in zip(names, specs, strict=True)
    )
    tensors = [Tensor(value, builder) for value in builder.inputs]
    nested = unflatten(structure, tensors)
    if isinstance(nested, dict):
        block = tracer.run(builder, model.definition, kwargs=nested)
    else:
        arguments = nested if isinstance(nested, tuple) else (nested,)
        block = tracer.run(builder, model.definition, arguments)
    order = [paths[0] for paths in tracer.paths.values()]
    called = _in_definition_order(tracer.blocks, order, lambda block: block.path)
    blocks = {"": block, **called}
    entries = _in_definition_order(
        tracer.entries, order, lambda entry: entry.path.rpartition(".")[0]
    )
    aliases = {
        alias: canonical
        for canonical, *others in tracer.paths.values()
        for alias in others
        if any(b.path == canonical for b in blocks.values())
    }
    return Program(blocks, entries, structure, builder.structure, aliases)


def _in_definition_order(
    table: dict[str, T], order: Sequence[str], path: Callable[[T], str]
) -> dict[str, T]:
    """Modules as the author's __init__ lists them, whatever the order of their calls."""
    rank = {path: i for i, path in enumerate(order)}
    last = len(rank)
    ranked = sorted(table.items(), key=lambda item: rank.get(path(item[1]) or "", last))
    # functions after modules
    return dict(sorted(ranked, key=lambda pair: not getattr(pair[1], "is_module", True)))


class _Symbols:
    """Names for the sizes that an Input leaves open."""

    def shape(self, spec: Input, name: str) -> Shape:
        return tuple(
            size
            if isinstance(size, int)
            else Size.symbol(size if isinstance(size, str) else self._name(axis, name))
            for axis, size in enumerate(spec.shape)
        )

    @staticmethod
    def _name(axis: int, name: str) -> str:
        return "batch" if axis == 0 else f"{name}_size{axis}"
