"""Tracing: a definition is called once on symbolic tensors, and what it does becomes a Program."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING, Any, TypeVar

from polydl.errors import DefinitionError, DTypeError, ShapeError
from polydl.primitives import infer
from polydl.program.sizes import Shape, Size, same_shape
from polydl.program.structure import flatten, unflatten
from polydl.program.types import (
    Block,
    Constant,
    DType,
    Entry,
    Initializer,
    Node,
    Operand,
    Program,
    Region,
    Structure,
    Value,
)
from polydl.spec.constants import has_derivative
from polydl.spec.input import Input, named_inputs
from polydl.spec.names import assigned_names
from polydl.spec.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polydl.spec.module import Module

T = TypeVar("T", Block, Entry)

_TRACER: ContextVar[Tracer | None] = ContextVar("polydl_tracer", default=None)


def trace(model: Module, inputs: Input | Sequence[Input] | Mapping[str, Input]) -> Program:
    """Call `model` once on symbolic tensors and return what it does, as a Program.

    inputs: one Input; a tuple of Inputs, given as positional arguments; or a dict of Inputs, given
    as keyword arguments. Raises DefinitionError, ShapeError or DTypeError with the layer's path.
    """
    from polydl.spec.module import Module

    if not isinstance(model, Module):
        raise DefinitionError(
            f"a model is an instance of dl.Module, got {type(model).__name__}. "
            "Wrap functions as dl.Sequential([function])"
        )
    names, specs, structure = named_inputs(model, inputs)
    tracer = Tracer(model)
    token = _TRACER.set(tracer)
    try:
        return tracer.trace_root(names, specs, structure)
    finally:
        _TRACER.reset(token)


def current_tracer(doing: str) -> Tracer:
    tracer = _TRACER.get()
    if tracer is None:
        raise DefinitionError(
            f"{doing} outside a trace. A definition runs when it is compiled: "
            "use dl.compile(model, inputs, backend=...) and call what that returns"
        )
    return tracer


def active_tracer() -> Tracer | None:
    return _TRACER.get()


def apply(op: str, *operands: Any, **attributes: Any) -> Tensor:
    """Add a primitive to the Block being traced; returns its output."""
    builder = current_tracer(f"dl.{op} was called").stack[-1]
    with located(builder.where):
        values = [builder.operand(operand, op) for operand in operands]
        if op not in _INDEXING:
            values = _float_literals(values)
        _check_integers(op, values)
        output = infer(op, tuple(values), attributes)
    names = assigned_names(sys._getframe(1), builder.code)
    value = builder.value(output.shape, output.dtype, names[0] if len(names) == 1 else "")
    builder.add(Node(op, tuple(values), (value,), attributes))
    return Tensor(value, builder)


_INDEXING = ("take", "take_along_axis")  # their second operand is an integer among floats


def _float_literals(operands: list[Operand]) -> list[Operand]:
    """A Python int among floats means the float."""
    if not any(isinstance(x, Value) and x.dtype == "float" for x in operands):
        return operands
    return [
        Constant(float(x.value)) if isinstance(x, Constant) and type(x.value) is int else x
        for x in operands
    ]


def _check_integers(op: str, operands: list[Operand]) -> None:
    for x in operands:
        if isinstance(x, Constant) and isinstance(x.value, int) and not -(2**31) <= x.value < 2**31:
            raise DTypeError(f"{op}: {x.value} is beyond int32, the integer type of programs")


@contextmanager
def located(where: str) -> Iterator[None]:
    """Errors raised inside say, once, at which layer."""
    try:
        yield
    except (DefinitionError, DTypeError) as error:
        if error.located:
            raise
        named = type(error)(f"{where}: {error}")
        named.located = True
        raise named from error


class BlockBuilder:
    """A Block while it is being traced."""

    def __init__(
        self,
        key: str,
        kind: str,
        path: str,
        module: Module | None,
        config: Mapping[str, Any],
        code: CodeType | None,
    ):
        self.key, self.kind, self.path, self.config = key, kind, path, config
        self.module, self.code = module, code
        self.owner = ""  # for a function: the module that called it
        self.inputs: tuple[Value, ...] = ()
        self.outputs: tuple[Operand, ...] = ()
        self.structure: Structure = None
        self.bodies: list[list[Node]] = [[]]
        self.visible: list[set[int]] = [set()]
        self.count = 0
        self.reads: list[dict[str, Tensor]] = [{}]

    @property
    def where(self) -> str:
        name = self.kind.removeprefix("polydl:").split("@")[0]
        if self.owner:
            return f"{self.owner}: {name}"
        return f"{self.path} ({name})" if self.path else f"the model ({name})"

    def value(self, shape: Shape, dtype: DType, name: str = "") -> Value:
        value = Value(self.count, tuple(shape), dtype, name)
        self.count += 1
        self.visible[-1].add(value.id)
        return value

    def add(self, node: Node) -> None:
        self.bodies[-1].append(node)

    def nodes(self) -> Iterator[Node]:
        """All so far, those of regions before the node that holds them."""

        def visit(nodes: Sequence[Node]) -> Iterator[Node]:
            for node in nodes:
                for region in node.regions:
                    yield from visit(region.nodes)
                yield node

        for body in self.bodies:
            yield from visit(body)

    def operand(self, given: Any, op: str) -> Operand:
        if isinstance(given, Tensor):
            if given.builder is not self:
                raise DefinitionError(
                    f"{op} uses a tensor of {given.builder.where}. Tensors pass between modules "
                    "as arguments and results of calls, not through attributes or closures"
                )
            if not any(given.value.id in scope for scope in self.visible):
                raise DefinitionError(
                    f"{op} uses a tensor made inside a branch of dl.when_training; return it from "
                    "both branches"
                )
            return given.value
        if hasattr(given, "item") and getattr(given, "shape", None) == ():
            given = given.item()
        if isinstance(given, (bool, int, float)):
            return Constant(given)
        if isinstance(given, Size):
            raise DefinitionError(f"{op}: the size {given} is no tensor; use it as a shape only")
        raise DefinitionError(
            f"{op} takes tensors and Python numbers, got {type(given).__name__}. "
            "Arrays belong in the model as self.state(...) or come in as inputs"
        )

    @contextmanager
    def scope(self) -> Iterator[list[Node]]:
        """Collect nodes into a body of their own: a region's."""
        body: list[Node] = []
        self.bodies.append(body)
        self.visible.append(set())
        self.reads.append({})
        try:
            yield body
        finally:
            self.bodies.pop()
            self.visible.pop()
            self.reads.pop()

    def region(self, body: Callable[[], Any] | Any) -> tuple[Region, Structure]:
        """Trace one side of a choice: a function of no arguments, or ready tensors."""
        with self.scope() as nodes:
            flat, structure = flatten(body() if callable(body) else body)
            outputs = tuple(self.operand(leaf, "dl.when_training") for leaf in flat)
        return Region(tuple(nodes), outputs), structure

    def finish(self) -> Block:
        return Block(
            key=self.key,
            kind=self.kind,
            path=self.path,
            is_module=self.module is not None,
            config=dict(self.config),
            inputs=self.inputs,
            nodes=tuple(self.bodies[0]),
            outputs=self.outputs,
        )


def _called(definition: Callable[[], Any]) -> Any:
    """What a definition gives. Arguments that it does not take are a DefinitionError."""
    try:
        return definition()
    except DTypeError:
        raise
    except TypeError as error:
        innermost = error.__traceback__
        while innermost is not None and innermost.tb_next is not None:
            innermost = innermost.tb_next
        if innermost is not None and innermost.tb_frame.f_globals.get("__name__") == __name__:
            raise DefinitionError(f"{error}. Give it what its __call__ takes") from error
        raise


@dataclass(frozen=True)
class Traced:
    """A finished call that later calls with the same signature reuse."""

    block: Block
    structure: Structure


class Tracer:
    """One run of `trace`: the stack of open Blocks and the tables that grow on the way."""

    def __init__(self, model: Module):
        from polydl.spec.module import module_paths

        self.model = model
        self.paths = module_paths(model)  # id(module) -> all its attribute paths, canonical first
        self.stack: list[BlockBuilder] = []
        self.blocks: dict[str, Block] = {}
        self.entries: dict[str, Entry] = {}
        self.calls: dict[Any, Traced] = {}
        self.open: list[Any] = []  # signatures of the calls being traced

    def trace_root(
        self, names: Sequence[str], specs: Sequence[Input], structure: Structure
    ) -> Program:
        builder = self._open(self.model, "", type(self.model).definition)
        symbols = _Symbols()
        builder.inputs = tuple(
            builder.value(symbols.shape(spec, name), spec.dtype, name)
            for name, spec in zip(names, specs, strict=True)
        )
        tensors = [Tensor(value, builder) for value in builder.inputs]
        nested = unflatten(structure, tensors)
        if isinstance(nested, dict):
            block = self._run(builder, lambda: self.model.definition(**nested))
        else:
            arguments = nested if isinstance(nested, tuple) else (nested,)
            block = self._run(builder, lambda: self.model.definition(*arguments))
        self.blocks = {"": block, **self._in_definition_order(self.blocks, lambda b: b.path)}
        self.entries = self._in_definition_order(self.entries, lambda e: e.path.rpartition(".")[0])
        aliases = {
            alias: canonical
            for canonical, *others in self.paths.values()
            for alias in others
            if any(b.path == canonical for b in self.blocks.values())
        }
        return Program(self.blocks, self.entries, structure, builder.structure, aliases)

    def _in_definition_order(self, table: dict[str, T], path: Callable[[T], str]) -> dict[str, T]:
        """Modules as the author's __init__ lists them, whatever the order of their calls."""
        order = {paths[0]: i for i, paths in enumerate(self.paths.values())}
        last = len(order)
        ranked = sorted(table.items(), key=lambda item: order.get(path(item[1]) or "", last))
        # functions after modules
        return dict(sorted(ranked, key=lambda pair: not getattr(pair[1], "is_module", True)))

    def call_module(
        self,
        module: Module,
        definition: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        caller = self.stack[-1]
        if caller.module is module:  # super().__call__(...)
            if definition.__code__ is caller.code:
                raise DefinitionError("it calls itself, without an end")
            return definition(module, *args, **kwargs)
        target, path = self._locate(caller, module)
        return self._call(
            (id(module), definition, "module"),
            lambda key: self._open(module, key, definition),
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
            lambda *a: definition(*a, **config),
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
            names = _argument_names(builder.code, builder.module is not None, leaves, structure)
            builder.inputs = tuple(
                builder.value(t.shape, t.dtype, name)
                for t, name in zip(tensors, names, strict=True)
            )
            inner = iter([Tensor(value, builder) for value in builder.inputs])
            nested_args, nested_kwargs = unflatten(
                structure, [next(inner) if isinstance(x, Tensor) else x for x in leaves]
            )
            self.open.append(signature)
            block = self._run(builder, lambda: definition(*nested_args, **nested_kwargs))
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

    def _open(self, module: Module, key: str, definition: Callable[..., Any]) -> BlockBuilder:
        path = self.paths[id(module)][0]
        config = type(module).config(module)  # the module may have an attribute `config`
        return BlockBuilder(key, module.kind, path, module, config, definition.__code__)

    def _run(self, builder: BlockBuilder, definition: Callable[[], Any]) -> Block:
        self.stack.append(builder)
        try:
            with located(builder.where):
                leaves, builder.structure = flatten(_called(definition))
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

    def entry(
        self, module: Module, name: str, role: str, shape: Shape, dtype: DType, init: Initializer
    ) -> Tensor:
        """Declare a parameter or state of `module`, and read it."""
        paths = self.paths[id(module)]
        path = f"{paths[0]}.{name}".lstrip(".")
        known = self.entries.get(path)
        builder = self.stack[-1]
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
            self.entries[path] = Entry(path, role, sizes, dtype, init, aliases)  # type: ignore[arg-type]
        return self.read(path)

    def read(self, path: str) -> Tensor:
        """Read an Entry in the current Block; parameters at most once per body."""
        entry, builder = self.entries[path], self.stack[-1]
        if entry.role == "parameter":
            for reads in builder.reads:
                if path in reads:
                    return reads[path]
        names = assigned_names(sys._getframe(1), builder.code)
        value = builder.value(entry.shape, entry.dtype, names[0] if len(names) == 1 else "")
        builder.add(Node("read", (), (value,), {"entry": path}))
        tensor = builder.reads[-1][path] = Tensor(value, builder)
        return tensor

    def write(self, module: Module, name: str, value: Any) -> None:
        path = f"{self.paths[id(module)][0]}.{name}".lstrip(".")
        builder = self.stack[-1]
        with located(builder.where):
            entry = self.entries.get(path)
            if entry is None or entry.role != "state":
                raise DefinitionError(f"{name!r} is no state; declare it with self.state first")
            operand = builder.operand(value, f"update of {name}")
            if not isinstance(operand, Value) or not same_shape(operand.shape, entry.shape):
                raise ShapeError(f"update of {name}: expected shape {entry.shape}, got {value!r}")
            if operand.dtype != entry.dtype:
                raise DTypeError(f"update of {name}: expected {entry.dtype}, got {operand.dtype}")
        if has_derivative(operand, builder.nodes(), self.entries):
            operand = apply("stop_gradient", value).value
        builder.add(Node("write", (operand,), (), {"entry": path}))


def trace_function(
    kind: str,
    definition: Callable[..., Any],
    inputs: Sequence[tuple[str, Shape, DType]],
    config: Mapping[str, Any],
    key: str = "",
) -> dict[str, Block]:
    """Trace a function of tensors by itself: its Block under `key`, and the Blocks it calls."""
    tracer = Tracer.__new__(Tracer)
    tracer.paths, tracer.stack = {}, []
    tracer.blocks, tracer.entries, tracer.calls, tracer.open = {}, {}, {}, []
    builder = BlockBuilder(key, kind, "", None, config, definition.__code__)
    builder.inputs = tuple(builder.value(shape, dtype, name) for name, shape, dtype in inputs)
    token = _TRACER.set(tracer)
    try:
        tensors = [Tensor(value, builder) for value in builder.inputs]
        block = tracer._run(builder, lambda: definition(*tensors))
    finally:
        _TRACER.reset(token)
    return {key: block, **tracer.blocks}


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


def _argument_names(
    code: CodeType | None, is_method: bool, leaves: list[Any], structure: Structure
) -> list[str]:
    """Names for a Block's inputs: its parameters' names, numbered where one holds several."""
    parameters = list(code.co_varnames[int(is_method) : code.co_argcount]) if code else []
    _, (args, kwargs) = structure
    names: list[str] = []
    for i, part in enumerate(args[1]):
        name = parameters[i] if i < len(parameters) else f"x{i}"
        names += _leaf_names(name, part)
    for name, part in kwargs[1].items():
        names += _leaf_names(name, part)
    return [name for name, leaf in zip(names, leaves, strict=True) if isinstance(leaf, Tensor)]


def _leaf_names(name: str, structure: Structure) -> list[str]:
    if structure is None:
        return [name]
    kind, parts = structure
    pairs = parts.items() if kind == "dict" else enumerate(parts)
    return [leaf for key, part in pairs for leaf in _leaf_names(f"{name}_{key}", part)]


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
