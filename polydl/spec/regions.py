"""Functions of tensors that run in a way of their own: in a loop, in a tree, or twice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from polydl.errors import DefinitionError, DTypeError, ShapeError
from polydl.primitives.record import Type, normal_axis, type_of
from polydl.program.regions import REGION_OPS, Reach, check_combines, check_region
from polydl.program.sizes import AnySize, same_shape
from polydl.program.structure import flatten, unflatten
from polydl.program.types import Node, Operand, Structure
from polydl.spec.apply import apply
from polydl.spec.block_builder import BlockBuilder, located
from polydl.spec.context import current_tracer
from polydl.spec.names import assigned_to, parameter_names
from polydl.spec.tensor import Tensor

_NOTHING: Structure = ("tuple", ())


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    *,
    length: AnySize | None = None,
    reverse: bool = False,
    axis: int = 0,
) -> tuple[Any, Any]:
    """A loop along an axis: (carry, y) = f(carry, x) for each slice x of xs, starting from init.

    Gives (the last carry, the ys stacked along `axis`). Carries, xs and ys are tensors, or tuples or
    dicts of them; the carry keeps its shapes and dtypes, and y may be None. Slices lack the axis,
    the same in all xs and ys: 1 for (batch, time, ...). reverse: from the last slice to the first;
    ys stand where their xs do. Without xs, `length` says how often f runs, with None for x.

    f may use tensors from around it and call modules. It runs in the framework's own loop: a Python
    loop in torch, jax.lax.scan in Flax, keras.ops.scan in Keras.
    """

    def body(carry: Any, x: Any) -> tuple[list[Tensor], list[Tensor], Structure]:
        result = f(carry, x)
        if not isinstance(result, tuple) or len(result) != 2:
            raise DefinitionError(
                "dl.scan: its function returns (carry, y), y being None where there is none; got "
                f"{_kind(result)}"
            )
        carried = _like_carry(result[0], first, structure)
        outputs, of_outputs = _leaves(result[1])
        return carried, outputs, of_outputs

    tracer = current_tracer("dl.scan was called")
    with located(tracer.stack[-1].where):
        first, structure = _leaves(init)
        return _scanned("scan", f, body, (first, structure), xs, length, reverse, axis)


def map(f: Callable[[Any], Any], xs: Any, axis: int = 0) -> Any:
    """f of each slice of xs along `axis`, stacked along it. xs and what f gives may be nested.

    Slices lack the axis, and so do f's results. As dl.scan without a carry.
    """

    def body(_: Any, x: Any) -> tuple[list[Tensor], list[Tensor], Structure]:
        return [], *_leaves(f(x))

    tracer = current_tracer("dl.map was called")
    with located(tracer.stack[-1].where):
        return _scanned("map", f, body, ([], _NOTHING), xs, None, False, axis)[1]


def _scanned(
    op: str,
    f: Callable[..., Any],
    body: Callable[[Any, Any], tuple[list[Tensor], list[Tensor], Structure]],
    init: tuple[list[Tensor], Structure],
    xs: Any,
    length: AnySize | None,
    reverse: bool,
    axis: int,
) -> tuple[Any, Any]:
    """What scan and map have in common."""
    tracer = current_tracer(f"dl.{op} was called")
    builder = tracer.stack[-1]
    first, structure = init
    arrays, of_arrays = _leaves(xs)
    axis = _axis(op, arrays, axis)
    if not arrays and length is None:
        raise DefinitionError(f"dl.{op}: nothing to scan over; give it xs, or length=")
    attributes = {
        "carries": len(first),
        "axis": axis,
        "reverse": bool(reverse),
        "length": None if arrays else length,
        "counted": False,
    }
    if arrays and length is not None:
        known = arrays[0].shape[axis]
        if not same_shape((known,), (length,)):
            raise ShapeError(f"dl.{op}: length={length}, but xs has {known} slices on axis {axis}")
    outer = [structure] if op == "scan" else []
    names = parameter_names(f, [*outer, *([of_arrays] if arrays else [])])
    of_outputs: Structure = _NOTHING

    def run(*tensors: Tensor) -> list[Tensor]:
        nonlocal of_outputs
        carry = unflatten(structure, tensors[: len(first)])
        slices = unflatten(of_arrays, tensors[len(first) :]) if arrays else None
        carried, outputs, of_outputs = body(carry, slices)
        return [*carried, *outputs]

    operands = [builder.operand(x, f"dl.{op}") for x in [*first, *arrays]]
    node = _node(builder, "scan", operands, attributes, names, run, called=op)
    count = len(first)
    given = assigned_to(sys._getframe(2), builder.code, ("tuple", (structure, of_outputs)))
    if op == "map":
        given = assigned_to(sys._getframe(2), builder.code, of_outputs)
    results = _outputs(builder, node, given)
    carry = unflatten(structure, results[:count])
    return carry, unflatten(of_outputs, results[count:]) if results[count:] else None


def associative_scan(
    f: Callable[[Any, Any], Any], xs: Any, axis: int = 0, reverse: bool = False
) -> Any:
    """Running combinations along an axis: x0, f(x0, x1), f(f(x0, x1), x2), ...

    f is associative, and takes two elements nested as xs, the axis removed. Backends may combine in
    any order, many elements at once and in logarithmic depth; so f acts on each number, or multiplies
    matrices that stand on the last two axes. reverse: from the last element to the first.

    A linear recurrence h_t = a_t h_(t-1) + b_t:
        _, h = dl.associative_scan(lambda p, q: (p[0] * q[0], q[0] * p[1] + q[1]), (a, b), axis=1)
    """
    tracer = current_tracer("dl.associative_scan was called")
    builder = tracer.stack[-1]
    with located(builder.where):
        arrays, structure = _leaves(xs)
        if not arrays:
            raise DefinitionError("dl.associative_scan: nothing to scan over")
        axis = _axis("associative_scan", arrays, axis)

        def run(*tensors: Tensor) -> list[Tensor]:
            half = len(arrays)
            pair = (unflatten(structure, tensors[:half]), unflatten(structure, tensors[half:]))
            combined, other = _leaves(f(*pair))
            if other != structure:
                raise DefinitionError(
                    "dl.associative_scan: its function must return what is nested as an element"
                )
            return combined

        operands = [builder.operand(x, "dl.associative_scan") for x in arrays]
        names = parameter_names(f, [structure, structure])
        attributes = {"axis": axis, "reverse": bool(reverse)}
        node = _node(builder, "associative_scan", operands, attributes, names, run)
        check_combines(node.regions[0], axis, tracer.blocks)
    given = assigned_to(sys._getframe(1), builder.code, structure)
    return unflatten(structure, _outputs(builder, node, given))


def remat(f: Callable[..., Any], *args: Any) -> Any:
    """f(*args), of which differentiation keeps only the arguments and computes the rest again.

    Takes less memory and more time. f: a function or a Module; args: tensors, nested as you like, and
    plain values. State, such as the running statistics of BatchNorm, is updated once.
    torch.utils.checkpoint in torch, jax.checkpoint or nnx.remat in Flax, keras.remat in Keras; there a
    plain call within a loop.
    """
    tracer = current_tracer("dl.remat was called")
    builder = tracer.stack[-1]
    with located(builder.where):
        leaves, structure = flatten(args)
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        of_outputs: Structure = None

        def run(*given: Tensor) -> list[Tensor]:
            nonlocal of_outputs
            inner = iter(given)
            filled = [next(inner) if isinstance(leaf, Tensor) else leaf for leaf in leaves]
            results, of_outputs = _leaves(f(*unflatten(structure, filled)))
            return results

        named = zip(leaves, parameter_names(f, structure[1]), strict=True)
        names = [name for leaf, name in named if isinstance(leaf, Tensor)]
        operands = [builder.operand(x, "dl.remat") for x in tensors]
        node = _node(builder, "remat", operands, {}, names, run)
    given = assigned_to(sys._getframe(1), builder.code, of_outputs)
    return unflatten(of_outputs, _outputs(builder, node, given))


def _node(
    builder: BlockBuilder,
    op: str,
    operands: Sequence[Operand],
    attributes: Mapping[str, Any],
    names: Sequence[str],
    run: Callable[..., list[Tensor]],
    called: str = "",
) -> Node:
    """A node without outputs, its region traced and checked."""
    takes = REGION_OPS[op].takes([type_of(x) for x in operands], attributes)
    inputs = [(t.shape, t.dtype, name) for t, name in zip(takes, names, strict=False)]
    region = builder.function_region(called or op, inputs, run)
    blocks = current_tracer("").blocks
    check_region(called or op, region, Reach(blocks, "write"), Reach(blocks, "random_bits"))
    return Node(op, tuple(operands), (), attributes, (region,))


def _outputs(builder: BlockBuilder, node: Node, names: Sequence[str]) -> list[Tensor]:
    """Adds the node, with outputs of these names."""
    operands = [type_of(x) for x in node.operands]
    results = [type_of(x) for x in node.regions[0].outputs]
    types = REGION_OPS[node.op].gives(operands, results, node.attributes)
    outputs = tuple(
        builder.value(t.shape, t.dtype, name) for t, name in zip(types, names, strict=True)
    )
    builder.add(Node(node.op, node.operands, outputs, node.attributes, node.regions))
    return [Tensor(value, builder) for value in outputs]


def _leaves(given: Any) -> tuple[list[Tensor], Structure]:
    """Tensors in order, numbers made tensors. None holds nothing."""
    if given is None:
        return [], _NOTHING
    leaves, structure = flatten(given)
    return [_tensor(leaf) for leaf in leaves], structure


def _tensor(leaf: Any) -> Tensor:
    if isinstance(leaf, Tensor):
        return leaf
    if isinstance(leaf, (bool, int, float)):
        kinds = {bool: "bool", int: "int", float: "float"}
        return apply("full", shape=(), value=leaf, dtype=kinds[type(leaf)])
    raise DefinitionError(f"expected tensors, or tuples or dicts of tensors, got {_kind(leaf)}")


def _kind(given: Any) -> str:
    return f"a tuple of {len(given)}" if isinstance(given, tuple) else type(given).__name__


def _axis(op: str, arrays: Sequence[Tensor], axis: int) -> int:
    """The axis counted from the front, on which all arrays agree."""
    if not arrays:
        return axis
    for array in arrays:
        if not array.ndim:
            raise ShapeError(f"dl.{op}: {array!r} has no axis to go along")
    found = {normal_axis(f"dl.{op}", axis, array.ndim) for array in arrays}
    if len(found) > 1:
        raise ShapeError(
            f"dl.{op}: axis={axis} is another axis in each array; count from the front"
        )
    return found.pop()


def _like_carry(carry: Any, first: Sequence[Tensor], structure: Structure) -> list[Tensor]:
    """The leaves of a carry, which must be like the first one."""
    leaves, other = _leaves(carry)
    if other != structure:
        raise DefinitionError(
            "dl.scan: the carry that its function returns is nested in another way than init"
        )
    for before, after, name in zip(first, leaves, _leaf_paths(structure, "carry"), strict=True):
        if before.dtype != after.dtype or not same_shape(before.shape, after.shape):
            kind = DTypeError if before.dtype != after.dtype else ShapeError
            raise kind(
                f"dl.scan: {name} is {Type(before.shape, before.dtype)} in init and "
                f"{Type(after.shape, after.dtype)} as its function returns it. A carry keeps its "
                "shape and dtype"
            )
    return leaves


def _leaf_paths(structure: Structure, path: str) -> list[str]:
    if structure is None:
        return [path]
    kind, parts = structure
    pairs = parts.items() if kind == "dict" else enumerate(parts)
    return [leaf for key, part in pairs for leaf in _leaf_paths(part, f"{path}[{key!r}]")]
