"""The Tracer: calls of modules and functions become Blocks, each with a path and a signature."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polydl.errors import DefinitionError, DTypeError
from polydl.primitives.record import type_of
from polydl.program.structure import flatten, unflatten
from polydl.program.types import Block, Entry, Node, Structure, Value
from polydl.spec.block_builder import BlockBuilder, located
from polydl.spec.names import argument_names, assigned_names
from polydl.spec.tensor import Tensor

if TYPE_CHECKING:
    from polydl.spec.module import Module

_CALLERS = (__name__, BlockBuilder.__module__)  # the modules that call an author's functions


@dataclass(frozen=True)
class Traced:
    """A finished call that later calls with the same signature reuse."""

    block: Block
    structure: Structure


class Tracer:
    """One run of `trace`: the stack of open Blocks and the tables that grow on the way."""

    def __init__(self, paths: Mapping[int, list[str]]):
        self.paths = paths  # id(module) -> all its attribute paths, canonical first
        self.stack: list[BlockBuilder] = []
        self.blocks: dict[str, Block] = {}
        self.entries: dict[str, Entry] = {}
        self.calls: dict[Any, Traced] = {}
        self.open: list[Any] = []  # signatures of the calls being traced

    def call_module(
        self,
        module: Module,
        definition: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        caller = self.stack[-1]
        if caller.runs(module):  # super().__call__(...)
            if definition.__code__ is caller.code:
                raise DefinitionError("it calls itself, without an end")
            return definition(module, *args, **kwargs)
        target, path = self._locate(caller, module)
        return self._call(
            (id(module), definition, "module"),
            lambda key: self.open_block(module, key, definition),
            path,
            target,
            lambda *a, **k: definition(module, *a, **k),
            args,
            kwargs,
        )

    def call_function(
        self,
        kind: str,
        definition: Callable[..., Any],
        tensors: tuple[Any, ...],
        config: dict[str, Any],
    ) -> Any:
        name = kind.removeprefix("polydl:").split("@")[0]

        def open_block(key: str) -> BlockBuilder:
            builder = BlockBuilder(key, kind, "", None, config, definition.__code__)
            builder.owner = self.stack[-1].where if self.stack else ""
            return builder

        return self._call(
            (kind, definition, tuple(config.items())),
            open_block,
            f"{name}()",
            "",
            lambda *a: _of_numbers(definition, a, config),
            tensors,
            {},
        )

    def _call(
        self,
        identity: Any,
        open_block: Callable[[str], BlockBuilder],
        base_key: str,
        target: str,
        definition: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        caller = self.stack[-1]
        leaves, structure = flatten((args, kwargs))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        statics = [None if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        with located(caller.where):
            operands = tuple(caller.operand(t, "a call") for t in tensors)
        signature = (*identity, str(structure), repr(statics),
                     tuple(f"{t.dtype}{t.shape}" for t in tensors))  # fmt: skip
        traced = self.calls.get(signature)
        if signature in self.open:
            raise DefinitionError(f"it calls {base_key}, which called it")
        if traced is None:
            key, number = base_key, 1
            while key in self.blocks or any(b.key == key for b in self.stack):
                number += 1
                key = f"{base_key}#{number}"
            builder = open_block(key)
            names = argument_names(builder.code, builder.module is not None, leaves, structure)
            builder.inputs = tuple(
                builder.value(t.shape, t.dtype, name)
                for t, name in zip(tensors, names, strict=True)
            )
            inner = iter([Tensor(value, builder) for value in builder.inputs])
            nested_args, nested_kwargs = unflatten(
                structure, [next(inner) if isinstance(x, Tensor) else x for x in leaves]
            )
            self.open.append(signature)
            block = self.run(builder, definition, nested_args, nested_kwargs)
            self.open.pop()
            self.blocks[key] = block
            traced = self.calls[signature] = Traced(block, builder.structure)
        given = assigned_names(sys._getframe(2), caller.code)
        outputs = tuple(
            caller.value(
                o.shape, o.dtype, given[i] if len(given) == len(traced.block.outputs) else ""
            )
            for i, o in enumerate(traced.block.outputs)
            if isinstance(o, Value)
        )
        caller.add(Node("call", operands, outputs, {"block": traced.block.key, "target": target}))
        return unflatten(traced.structure, [Tensor(value, caller) for value in outputs])

    def open_block(self, module: Module, key: str, definition: Callable[..., Any]) -> BlockBuilder:
        """An empty Block for a call of `module`."""
        path = self.paths[id(module)][0]
        config = type(module).config(module)  # the module may have an attribute `config`
        return BlockBuilder(key, module.kind, path, module, config, definition.__code__)

    def run(
        self,
        builder: BlockBuilder,
        definition: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Block:
        """Fill an open Block with what its definition does."""
        self.stack.append(builder)
        try:
            with located(builder.where):
                leaves, builder.structure = flatten(_called(definition, args, kwargs or {}))
                if not leaves:
                    raise DefinitionError("__call__ returned no tensor")
                for leaf in leaves:
                    if not isinstance(leaf, Tensor):
                        raise DefinitionError(
                            f"__call__ returned {type(leaf).__name__}; return tensors, or tuples "
                            "or dicts of tensors"
                        )
                builder.outputs = tuple(builder.operand(leaf, "return") for leaf in leaves)
        finally:
            self.stack.pop()
        return builder.finish()

    def _locate(self, caller: BlockBuilder, module: Module) -> tuple[str, str]:
        """How the calling module names the called one, and the called one's canonical path."""
        paths = self.paths.get(id(module))
        name = type(module).__name__
        with located(caller.where):
            if paths is None:
                raise DefinitionError(
                    f"{name} was made while tracing, or is not an attribute of the model. Make "
                    "modules in __init__ and keep them as attributes, or in lists or dicts of "
                    "them, under names without a leading underscore"
                )
            if caller.module is None:
                raise DefinitionError(f"a function cannot call the module {paths[0]} ({name})")
            for own in self.paths[id(caller.module)]:
                prefix = f"{own}." if own else ""
                for path in paths:
                    if path.startswith(prefix):
                        return path.removeprefix(prefix), paths[0]
            raise DefinitionError(
                f"calls {paths[0]} ({name}), which is not an attribute of it. "
                "Give it to this module's __init__ and keep it there"
            )


def _of_numbers(
    definition: Callable[..., Any], tensors: tuple[Any, ...], config: Mapping[str, Any]
) -> Any:
    """What a function gives; to ints where it takes floats it says so itself, not a part of it."""
    try:
        return definition(*tensors, **config)
    except DTypeError as error:
        given = [type_of(x.value) for x in tensors if isinstance(x, Tensor)]
        if any(x.dtype == "float" for x in given):
            raise
        what = " and ".join(map(str, given))
        raise DTypeError(f"takes no {what}. Convert with .astype('float')") from error


def _called(definition: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What a definition gives. Arguments that it does not take are a DefinitionError."""
    try:
        return definition(*args, **kwargs)
    except DTypeError:
        raise
    except TypeError as error:
        innermost = error.__traceback__
        while innermost is not None and innermost.tb_next is not None:
            innermost = innermost.tb_next
        if innermost is not None and innermost.tb_frame.f_globals.get("__name__") in _CALLERS:
            raise DefinitionError(f"{error}. Give it what its __call__ takes") from error
        raise
