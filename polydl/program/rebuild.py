"""Is a Block that calls itself a built-in really that built-in?

A file may say `polydl:Dense@1` of any body. Backends replace Blocks of that name by a framework's
own Dense, so the name must be earned: the built-in is made from the Block's configuration, traced
on the Block's inputs, and the two bodies are compared.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from polydl.program.sizes import same_shape
from polydl.program.types import (
    Block,
    Constant,
    Entry,
    Initializer,
    Node,
    Operand,
    Program,
    Region,
    Value,
)
from polydl.spec.context import running
from polydl.spec.module import module_paths
from polydl.spec.registry import CLASSES, FUNCTIONS
from polydl.spec.tensor import Tensor
from polydl.spec.tracer import Tracer
from polydl.spec.tracing import trace_function

_BUILTINS = ("layers", "functions", "losses", "metrics", "random", "ops.definitions")


def matches_builtin(program: Program, block: Block) -> bool:
    """Whether `block` is what the built-in of its kind does, with its configuration.

    Operations, their attributes and order, operands, types, Entries by their path below the module,
    called Blocks and their configurations are compared; the author's names for values are not.
    False for a kind that is no built-in. Never raises, whatever the Block holds.
    """
    try:
        rebuilt = _rebuild(block)
        return rebuilt is not None and _Comparison(program, rebuilt, block.path).same(
            block, rebuilt.root
        )
    except Exception:  # a built-in's constructor or definition may raise anything on odd arguments
        return False


def untrusted(program: Program) -> set[str]:
    """Keys of the Blocks with a built-in's kind that are not that built-in."""
    return {
        key
        for key, block in program.blocks.items()
        if block.kind.startswith("polydl:") and not matches_builtin(program, block)
    }


def _rebuild(block: Block) -> Program | None:
    """The built-in of a Block's kind and configuration, traced on the Block's input types.

    None, or any exception, where there is none.
    """
    for name in _BUILTINS:
        importlib.import_module(f"polydl.{name}")  # registers what it defines
    config = {name: _argument(value) for name, value in block.config.items()}
    if block.is_module:
        return _rebuild_module(CLASSES[block.kind], config, block)
    return _rebuild_function(FUNCTIONS[block.kind], config, block)


def _argument(value: Any) -> Any:
    """What a configuration holds, as a constructor takes it: an Initializer was made a tuple."""
    if isinstance(value, tuple) and value[:1] == ("initializer",):
        _, name, *pairs = value
        return Initializer(name, dict(zip(pairs[::2], pairs[1::2], strict=True)))
    return value


def _rebuild_module(
    kind: Callable[..., Any], config: dict[str, Any], block: Block
) -> Program | None:
    module = kind(**config)
    flags = {f.name for f in dataclasses.fields(module) if f.type in ("bool", bool)}  # type: ignore
    if not _are_flags(config, flags):
        return None
    tracer = Tracer(module_paths(module))
    builder = tracer.open_block(module, "", type(module).definition)
    builder.inputs = tuple(builder.value(v.shape, v.dtype, v.name) for v in block.inputs)
    tensors = [Tensor(value, builder) for value in builder.inputs]
    args, kwargs = _bind(type(module).definition, tensors)
    with running(tracer):
        root = tracer.run(builder, module.definition, args, kwargs)
    return Program({**tracer.blocks, "": root}, tracer.entries, None, None)


def _bind(
    definition: Callable[..., Any], tensors: list[Tensor]
) -> tuple[list[Tensor], dict[str, Tensor]]:
    """By name where the inputs are called as the definition's parameters: one may be left out."""
    names = [tensor.value.name for tensor in tensors]
    parameters = [p for p in inspect.signature(definition).parameters if p != "self"]
    if set(names) <= set(parameters):
        return [], dict(zip(names, tensors, strict=True))
    return tensors, {}


def _rebuild_function(
    call: Callable[..., Any], config: dict[str, Any], block: Block
) -> Program | None:
    definition = inspect.unwrap(call)
    defaults = definition.__kwdefaults__ or {}
    parameters = inspect.signature(definition).parameters.values()
    settings = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
    flags = {name for name, default in defaults.items() if isinstance(default, bool)}
    if set(config) != settings or not _are_flags(config, flags):
        return None

    def body(*tensors: Any) -> Any:
        args, named = _bind(definition, list(tensors))
        return definition(*args, **named, **config)

    inputs = [(value.name, value.shape, value.dtype) for value in block.inputs]
    return Program(trace_function(block.kind, body, inputs, config), {}, None, None)


def _are_flags(config: Mapping[str, Any], names: set[str]) -> bool:
    """True or False, not what merely counts as such: backends write it into source."""
    return all(isinstance(config[name], bool) for name in names)


def _same_config(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """repr, because 1 == 1.0 == True, and backends write configurations into source."""
    return {k: repr(v) for k, v in a.items()} == {k: repr(v) for k, v in b.items()}


class _Comparison:
    """Blocks of `ours` against Blocks rebuilt at the root, which in `ours` are below `base`."""

    def __init__(self, ours: Program, rebuilt: Program, base: str):
        self.ours, self.rebuilt, self.base = ours, rebuilt, base
        self.entries = {a: e for e in ours.entries.values() for a in (e.path, *e.aliases)}
        self.compared: dict[tuple[str, str], bool] = {}

    def same(self, a: Block, b: Block) -> bool:
        if a.kind != b.kind or a.is_module != b.is_module or not _same_config(a.config, b.config):
            return False
        if a.is_module and a.path != self._module_path(b.path):
            return False
        values: dict[int, int] = {}  # ids of ours -> ids of the rebuilt
        return (
            self._makes(a.inputs, b.inputs, values)
            and self._nodes(a.nodes, b.nodes, values)
            and self._operands(a.outputs, b.outputs, values)
        )

    def _module_path(self, path: str) -> str:
        """A path of the rebuilt as the canonical path in ours."""
        full = ".".join(filter(None, (self.base, path)))
        return self.ours.aliases.get(full, full)

    def _nodes(self, a: tuple[Node, ...], b: tuple[Node, ...], values: dict[int, int]) -> bool:
        return len(a) == len(b) and all(self._node(x, y, values) for x, y in zip(a, b, strict=True))

    def _node(self, a: Node, b: Node, values: dict[int, int]) -> bool:
        return (
            a.op == b.op
            and self._operands(a.operands, b.operands, values)
            and self._attributes(a, b)
            and len(a.regions) == len(b.regions)
            and all(self._region(x, y, values) for x, y in zip(a.regions, b.regions, strict=True))
            and self._makes(a.outputs, b.outputs, values)
        )

    def _region(self, a: Region, b: Region, values: dict[int, int]) -> bool:
        return (
            self._makes(a.inputs, b.inputs, values)
            and self._nodes(a.nodes, b.nodes, values)
            and self._operands(a.outputs, b.outputs, values)
        )

    def _attributes(self, a: Node, b: Node) -> bool:
        if a.op == "call":
            return a.attributes["target"] == b.attributes["target"] and self._called(
                a.attributes["block"], b.attributes["block"]
            )
        if a.op in ("read", "write"):
            return self._entry(a.attributes["entry"], b.attributes["entry"])
        return _same_config(a.attributes, b.attributes)

    def _called(self, a: str, b: str) -> bool:
        if (a, b) not in self.compared:
            self.compared[a, b] = True  # a Block does not call itself: `verify` sees to that
            self.compared[a, b] = self.same(self.ours.blocks[a], self.rebuilt.blocks[b])
        return self.compared[a, b]

    def _entry(self, a: str, b: str) -> bool:
        ours: Entry = self.ours.entries[a]
        theirs: Entry = self.rebuilt.entries[b]
        full = ".".join(filter(None, (self.base, b)))
        return self.entries.get(full) is ours and (
            (ours.role, ours.dtype, ours.shape) == (theirs.role, theirs.dtype, theirs.shape)
        )

    @staticmethod
    def _operands(a: tuple[Operand, ...], b: tuple[Operand, ...], values: dict[int, int]) -> bool:
        def same(x: Operand, y: Operand) -> bool:
            if isinstance(x, Constant) or isinstance(y, Constant):
                return repr(x) == repr(y)
            return values.get(x.id) == y.id

        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))

    @staticmethod
    def _makes(a: tuple[Value, ...], b: tuple[Value, ...], values: dict[int, int]) -> bool:
        if len(a) != len(b):
            return False
        for x, y in zip(a, b, strict=True):
            if x.dtype != y.dtype or not same_shape(x.shape, y.shape):
                return False
            values[x.id] = y.id
        return True
