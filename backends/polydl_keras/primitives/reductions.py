"""Primitives that reduce, add up or order along axes, and products of arrays."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import MULTIPLY, Code, binary
from polydl.emission.operators import Writer
from polydl.program.types import Node
from polydl_keras.primitives.common import (
    axes_text,
)


def _reduction(function: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        axis = node.attributes.get("axis")
        keepdims = ", keepdims=True" if node.attributes.get("keepdims") else ""
        rank = len(node.operands[0].shape)  # type: ignore[union-attr]
        every = axis is None or (isinstance(axis, tuple) and len(axis) == rank)
        axes = "" if every else f", axis={axes_text(axis)}"
        return Code(f"ops.{function}({args[0].text}{axes}{keepdims})")

    return write


def _extremum(function: str, helper: str) -> Writer:
    """TensorFlow's kernels pass over NaN."""
    plain, helped = _reduction(function), _reduction(helper)

    def write(body: Body, node: Node, args: list[Code]) -> Code:
        if node.output.dtype != "float":
            return plain(body, node, args)
        body.emitter.use_support(helper)
        return Code(helped(body, node, args).text.removeprefix("ops."))

    return write


def _matmul(body: Body, node: Node, args: list[Code]) -> Code:
    """`@`, but keras.ops where the ranks differ: it multiplies a matrix once, not per sample."""
    a, b = (len(operand.shape) for operand in node.operands)  # type: ignore[union-attr]
    if a == b:
        return binary(args[0], "@", args[1], MULTIPLY)
    return Code(f"ops.matmul({args[0].text}, {args[1].text})")


def _along(function: str) -> Writer:
    def write(body: Body, node: Node, args: list[Code]) -> Code:
        return Code(f"ops.{function}({args[0].text}, axis={node.attributes.get('axis', -1)})")

    return write


def _cumprod(body: Body, node: Node, args: list[Code]) -> Code:
    """By doubling where its derivative counts and the size is known, else keras.ops' own."""
    (x,) = node.operands
    axis = node.attributes.get("axis", -1) % len(x.shape)  # type: ignore[union-attr]
    if x.dtype != "float" or not isinstance(x.shape[axis], int):  # type: ignore[union-attr]
        return _along("cumprod")(body, node, args)
    body.emitter.use_support("cumprod")
    return Code(f"cumprod({args[0].text}, axis={axis})")


def _einsum(body: Body, node: Node, args: list[Code]) -> Code:
    operands = ", ".join(a.text for a in args)
    return Code(f'ops.einsum("{node.attributes["equation"]}", {operands})')


PRIMITIVES: dict[str, Writer] = {
    "matmul": _matmul,
    "sum": _reduction("sum"),
    "mean": _reduction("mean"),
    "max": _extremum("max", "reduce_max"),
    "min": _extremum("min", "reduce_min"),
    "prod": _reduction("prod"),
    "any": _reduction("any"),
    "all": _reduction("all"),
    "argmax": _along("argmax"),
    "argmin": _along("argmin"),
    "cumsum": _along("cumsum"),
    "cumprod": _cumprod,
    "sort": _along("sort"),
    "argsort": _along("argsort"),
    "einsum": _einsum,
}

SUPPORT = {
    **{
        helper: f'''def {helper}(x, **axes):
    """ops.{function}, and NaN where there is one."""
    nan = ops.any(ops.isnan(x), **axes)
    return ops.where(nan, float("nan"), ops.{function}(x, **axes))'''
        for function, helper in (("max", "reduce_max"), ("min", "reduce_min"))
    },
    "cumprod": '''def cumprod(x, axis):
    """Running products along an axis of known size.

    The derivative of TensorFlow's own divides by the factors: it is wrong where one is 0.
    """
    size, before, offset = x.shape[axis], (slice(None),) * axis, 1
    while offset < size:
        ones = ops.ones_like(x[(*before, slice(offset))])
        x = x * ops.concatenate([ones, x[(*before, slice(size - offset))]], axis)
        offset *= 2
    return x''',
}
