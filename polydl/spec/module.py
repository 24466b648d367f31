"""Module: the class that layers and models are written as."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from polydl.errors import DefinitionError
from polydl.program.names import is_identifier
from polydl.program.sizes import Shape
from polydl.program.types import DType, Initializer
from polydl.program.unboxed import unboxed
from polydl.spec import entries
from polydl.spec.context import active_tracer, current_tracer
from polydl.spec.initializers import resolve
from polydl.spec.registry import kind_of
from polydl.spec.tensor import Tensor

_PLAIN = (bool, int, float, str, type(None))


class Module:
    """A part of a model: other modules as attributes, and `__call__`, its definition.

    `__call__` runs while the model is traced, on symbolic tensors. It uses primitives, functions and
    other modules, and declares what it learns with `self.parameter` and what it carries with
    `self.state`. Write any `__init__`; there is nothing to call in it.

        class Scale(dl.Module):
            def __call__(self, x):
                return x * self.parameter("scale", (x.shape[-1],), "ones")
    """

    definition: ClassVar[Callable[..., Any]]

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        own = cls.__dict__.get("__call__")
        if own is not None:
            cls.definition = own

            @functools.wraps(own)
            def call(self: Module, *args: Any, **kwargs: Any) -> Any:
                tracer = current_tracer(f"{type(self).__name__} was called")
                return tracer.call_module(self, own, args, kwargs)

            cls.__call__ = call  # type: ignore[assignment]

    def __new__(cls, *args: Any, **kwargs: Any) -> Module:
        module = super().__new__(cls)
        object.__setattr__(module, "_arguments", (args, kwargs))
        return module

    def definition(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[no-redef]
        raise DefinitionError(f"{type(self).__name__} has no __call__")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise DefinitionError(f"{type(self).__name__} has no __call__; define one")

    @property
    def kind(self) -> str:
        """Versioned name of a built-in, class name of a user's module."""
        return kind_of(type(self)) or type(self).__name__

    def config(self) -> dict[str, Any]:
        """Constructor arguments that are plain data, by name."""
        if dataclasses.is_dataclass(self):
            given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        else:
            args, kwargs = self._arguments  # type: ignore[attr-defined]
            try:
                bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
            except TypeError:
                return {}
            bound.apply_defaults()
            given = dict(list(bound.arguments.items())[1:])
        return {
            name: plain for name, value in given.items() if (plain := _plain(value)) is not _NOT
        }

    def parameter(
        self, name: str, shape: Shape, initializer: str | float | Initializer = "glorot_uniform"
    ) -> Tensor:
        """A trained array of this module, in the canonical layout that `shape` gives."""
        host = self._host()
        if host is not None:
            return host.computed(name, host.parameter(name, shape, initializer))
        return self._entry(name, "parameter", shape, "float", initializer)

    def state(
        self,
        name: str,
        shape: Shape,
        initializer: str | float | Initializer = "zeros",
        dtype: DType = "float",
    ) -> Tensor:
        """An array that is carried from call to call and not trained. Change it with `update`."""
        host = self._host()
        if host is not None:
            return host.state(name, shape, initializer, dtype)
        return self._entry(name, "state", shape, dtype, initializer)

    def update(self, name: str, value: Tensor) -> None:
        """Set a state's value for the calls that follow. It counts as a constant there, and here."""
        tracer = current_tracer("self.update was called")
        entries.write(tracer, self._host() or self, name, value)

    def _host(self) -> Any:
        """The module that runs this one's definition as its own, if one does; see spec/host.py."""
        tracer = active_tracer()
        builder = tracer.stack[-1] if tracer is not None and tracer.stack else None
        return builder.module if builder is not None and builder.guest is self else None

    def _entry(self, name: str, role: str, shape: Any, dtype: DType, initializer: Any) -> Tensor:
        tracer = current_tracer(f"self.{role} was called")
        if not isinstance(name, str) or not is_identifier(name):
            raise DefinitionError(f"{name!r} is no name for a {role}; use an identifier")
        if name in vars(self):
            raise DefinitionError(f"{name!r} is an attribute already; give the {role} another name")
        sizes = unboxed(tuple(shape) if isinstance(shape, (tuple, list)) else (shape,))
        return entries.declare(tracer, self, name, role, sizes, dtype, resolve(initializer))

    def __getattr__(self, name: str) -> Any:
        """Another module's parameter or state, while tracing: `self.embed.table`."""
        tracer = active_tracer()
        if tracer is not None and not name.startswith("_") and id(self) in tracer.paths:
            path = f"{tracer.paths[id(self)][0]}.{name}".lstrip(".")
            if path in tracer.entries:
                return entries.read(tracer, path)
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}; if it is a parameter, call the "
                "module before its parameter is read"
            )
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def check_model(self) -> None:
        """Refuse what can be a part of a model and not a whole one."""

    def children(self) -> Iterator[tuple[str, Module]]:
        """Modules held directly or in lists, tuples and dicts, with their attribute paths."""
        for name, value in vars(self).items():
            if not name.startswith("_"):
                yield from _modules_in(name, value)


class Function:
    """What is made and called as a layer and is no Module, since it holds nothing: an activation."""

    def __call__(self, x: Tensor) -> Any:
        raise NotImplementedError


class Sequential(Module):
    """Layers and functions, one after the other. Each takes an index in the path: `0.kernel`."""

    def __init__(self, *layers: Any):
        if len(layers) == 1 and isinstance(layers[0], (list, tuple)):
            layers = tuple(layers[0])
        for i, layer in enumerate(layers):
            if not callable(layer) or isinstance(layer, type):
                made = f". Write {layer.__name__}(...)" if isinstance(layer, type) else ""
                raise DefinitionError(
                    f"Sequential: item {i} is {layer!r}; expected a module or a function{made}"
                )
        self.layers = tuple(layers)

    def __call__(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def config(self) -> dict[str, Any]:
        return {}

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Any:
        return self.layers[index]

    def children(self) -> Iterator[tuple[str, Module]]:
        for i, layer in enumerate(self.layers):
            if isinstance(layer, Module):
                yield str(i), layer


def module_paths(model: Module) -> dict[int, list[str]]:
    """All attribute paths of every module, in definition order; the first is canonical."""
    paths: dict[int, list[str]] = {}
    open_modules: set[int] = set()

    def visit(module: Module, path: str) -> None:
        if id(module) in open_modules:  # a child that refers back to its parent
            return
        paths.setdefault(id(module), []).append(path)
        open_modules.add(id(module))
        for name, child in type(module).children(module):  # it may have an attribute `children`
            visit(child, f"{path}.{name}" if path else name)
        open_modules.discard(id(module))

    visit(model, "")
    return paths


def _modules_in(path: str, value: Any) -> Iterator[tuple[str, Module]]:
    if isinstance(value, Module):
        yield path, value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _modules_in(f"{path}.{i}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, (Module, list, tuple, dict)):
                if not str(key).isidentifier() and not str(key).isdigit():
                    raise DefinitionError(f"{path}: the key {key!r} cannot be part of a path")
                yield from _modules_in(f"{path}.{key}", item)


_NOT = object()


def _plain(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (tuple, list)):
        items = tuple(_plain(item) for item in value)
        return _NOT if any(item is _NOT for item in items) else items
    if isinstance(value, Initializer):
        return ("initializer", value.name, *(x for pair in value.arguments.items() for x in pair))
    return _NOT
