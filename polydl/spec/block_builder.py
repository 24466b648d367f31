"""A Block while it is being traced: its values, its nodes, and which of them are in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import CodeType
from typing import TYPE_CHECKING, Any

from polydl.errors import DefinitionError, DTypeError
from polydl.program.sizes import Shape, Size
from polydl.program.structure import flatten
from polydl.program.types import Block, Constant, DType, Node, Operand, Region, Structure, Value
from polydl.spec.tensor import Tensor

if TYPE_CHECKING:
    from polydl.spec.module import Module


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
        self.guest: Module | None = None  # whose definition runs here as the module's own
        self.owner = ""  # for a function: the module that called it
        self.inputs: tuple[Value, ...] = ()
        self.outputs: tuple[Operand, ...] = ()
        self.structure: Structure = None
        self.bodies: list[list[Node]] = [[]]
        self.visible: list[set[int]] = [set()]
        self.count = 0
        self.reads: list[dict[str, Tensor]] = [{}]
        self.hidden: dict[int, str] = {}  # values of regions that have ended, and what held those

    def runs(self, module: Module) -> bool:
        """Whether the definition that runs here is this module's."""
        return module is self.module or module is self.guest

    @property
    def where(self) -> str:
        name = self.kind.removeprefix("polydl:").split("@")[0]
        if self.owner:
            return f"{self.owner}: {name}"
        if self.module is None:
            return name
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
                    f"{op} uses a tensor made inside {self.hidden.get(given.value.id, 'a region')}"
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
            "Arrays belong in the model as self.state(...), come in as inputs, or, if short, stand in "
            "the text as ops.constant(array)"
        )

    @contextmanager
    def scope(self, what: str) -> Iterator[list[Node]]:
        """Collect nodes into a body of their own: a region's. what: it and what to do, for errors."""
        body: list[Node] = []
        self.bodies.append(body)
        self.visible.append(set())
        self.reads.append({})
        try:
            yield body
        finally:
            self.bodies.pop()
            self.hidden.update(dict.fromkeys(self.visible.pop(), what))
            self.reads.pop()

    def region(self, body: Callable[[], Any] | Any) -> tuple[Region, Structure]:
        """Trace one side of a choice: a function of no arguments, or ready tensors."""
        with self.scope("a branch of dl.when_training; return it from both branches") as nodes:
            flat, structure = flatten(body() if callable(body) else body)
            outputs = tuple(self.operand(leaf, "dl.when_training") for leaf in flat)
        return Region(tuple(nodes), outputs), structure

    def function_region(
        self, op: str, inputs: Sequence[tuple[Shape, DType, str]], body: Callable[..., list[Any]]
    ) -> Region:
        """Trace a function of tensors that gives tensors, in a list."""
        with self.scope(f"the function of dl.{op}; have that return it") as nodes:
            values = tuple(self.value(*given) for given in inputs)
            results = body(*(Tensor(value, self) for value in values))
            outputs = tuple(self.operand(leaf, f"dl.{op}") for leaf in results)
        return Region(tuple(nodes), outputs, values)

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
