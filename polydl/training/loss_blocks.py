"""Losses of a model's outputs as Blocks, and what they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polydl.emission.naming import camel_case
from polydl.errors import ShapeError
from polydl.losses.loss import Loss
from polydl.program.sizes import Shape
from polydl.program.types import Block, DType, Value
from polydl.spec.tensor import Tensor
from polydl.spec.tracing import trace_function
from polydl.training.heads import BoundHead

Types = dict[str, tuple[Shape, DType]]  # of arrays, by name


def given_types(heads: Sequence[BoundHead]) -> Types:
    """Shapes and dtypes of the arrays that samples bring besides inputs, by name."""
    return {
        bound.head.given[what]: found
        for bound in heads
        for what, found in head_types(bound).items()
    }


def head_types(bound: BoundHead) -> Types:
    """Of the arrays of one output, by the names that a Loss has for them."""
    loss, output = bound.head.loss, bound.output
    types: Types = {}
    if loss.target_dtype is not None:
        types["targets"] = (loss.target_shape(output.shape), loss.target_dtype)
    if bound.head.weights == "sample":
        types["weights"] = (output.shape[:1], "float")
    elif bound.head.weights == "element":
        types["weights"] = (_value_shape(loss, output, types), "float")
    return types


def _value_shape(loss: Loss, output: Value, given: Types) -> Shape:
    traced = trace_function(
        loss.kind,
        lambda outputs, targets=None: loss.values(outputs, targets),
        _inputs(output, given),
        loss.config(),
    )
    return traced[""].outputs[0].shape  # type: ignore[union-attr]


def _inputs(output: Value, given: Types) -> list[tuple[str, Shape, DType]]:
    return [("outputs", output.shape, output.dtype), *((name, *given[name]) for name in given)]


def loss_blocks(key: str, bound: BoundHead) -> dict[str, Block]:
    """The loss of one output and of what is given for it, as Blocks."""
    loss, given = bound.head.loss, head_types(bound)
    definition: Any = type(loss).definition
    traced = trace_function(
        loss.kind,
        lambda outputs, *others: definition(loss, outputs, **dict(zip(given, others, strict=True))),
        _inputs(bound.output, given),
        loss.config(),
        key=key,
    )
    return _one_number(traced, key, loss.kind)


def divisor_blocks(key: str, bound: BoundHead) -> dict[str, Block] | None:
    """What the mean of an output's loss divides by, of what is given for it, as Blocks; None where
    that goes by the number of samples."""
    loss, given = bound.head.loss, head_types(bound)
    if type(loss).definition is not Loss.definition or loss.reduction == "sum":
        return None
    if loss.reduction != "weighted_mean":  # else it does not look at them
        given.pop("weights", None)
    found: list[Tensor | None] = []

    def divisor(*arrays: Tensor) -> Tensor:
        found.append(loss.divisor(**dict(zip(given, arrays, strict=True))))  # type: ignore[arg-type]
        return arrays[0] if found[-1] is None else found[-1]

    if not given:
        return None
    inputs = [(name, *types) for name, types in given.items()]
    name = camel_case(f"{bound.head.prefix}loss_divisor")
    traced = trace_function(name, divisor, inputs, loss.config(), key=key)
    return None if found[-1] is None else traced


def whole_loss_blocks(key: str, heads: Sequence[BoundHead]) -> dict[str, Block]:
    """The whole loss, the sum of those of outputs, each times its weight, as Blocks.

    It takes the outputs in the order of heads, and then the arrays of `given_types`.
    """
    if len(heads) == 1 and heads[0].head.weight == 1.0:
        return loss_blocks(key, heads[0])
    types = given_types(heads)
    outputs = [
        (f"{bound.head.prefix}outputs", bound.output.shape, bound.output.dtype) for bound in heads
    ]

    def whole(*arrays: Tensor) -> Tensor:
        given: Mapping[str, Tensor] = dict(zip(types, arrays[len(heads) :], strict=True))
        total: Any = 0.0
        for bound, array in zip(heads, arrays, strict=False):
            own = {what: given[name] for what, name in bound.head.given.items()}
            definition: Any = type(bound.head.loss).definition
            total = total + bound.head.weight * definition(bound.head.loss, array, **own)
        return total  # type: ignore[no-any-return]

    inputs = [*outputs, *((name, *types[name]) for name in types)]
    traced = trace_function("WholeLoss", whole, inputs, {}, key=key)
    return _one_number(traced, key, "the loss")


def _one_number(traced: dict[str, Block], key: str, kind: str) -> dict[str, Block]:
    (result, *_) = traced[key].outputs
    if not isinstance(result, Value) or result.shape:
        raise ShapeError(
            f"{kind}: expected one number for a batch, got {result} of shape "
            f"{getattr(result, 'shape', ())}"
        )
    return traced
