"""Where the first NaN or infinity of a loss arises, found on the oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from polydl.diagnostics.objective import Array, Objective
from polydl.precision import rounded
from polydl.program.types import Block, Constant, Node, Operand
from polydl.reference import Watch, together

_HOLDERS = ("call", "when_training", "remat", "write")  # whose results others have made


@dataclass(frozen=True)
class Range:
    """What an operand held: the lowest and the highest finite number, and how many are not."""

    name: str
    low: float
    high: float
    bad: int

    def __str__(self) -> str:
        if self.low > self.high:
            return f"{self.name} holds no finite number"
        held = f"is {self.low:.6g}" if self.low == self.high else (
            f"is from {self.low:.6g} to {self.high:.6g}"
        )  # fmt: skip
        return f"{self.name} {held}" + (f", {self.bad} not finite" if self.bad else "")


@dataclass(frozen=True)
class Place:
    """Where in a model something was seen.

    path: the module's, "" for the model itself, "loss" for the loss. part: the module's class.
    operation: a primitive, "input" or "weight"; function: the built-in that it stands in, if any.
    name: the author's own name for the result.
    """

    path: str
    part: str
    operation: str
    name: str = ""
    function: str = ""

    def __str__(self) -> str:
        if self.operation in ("input", "weight"):
            return f"the {self.operation} {self.path!r}"
        where = f"{self.path} ({self.part})" if self.path else f"the model ({self.part})"
        inner = f"{self.function} in " if self.function else ""
        return f"{self.operation} in {inner}{where}"


@dataclass(frozen=True)
class NonFinite:
    """The first number of its kind. value: "nan", "inf" or "-inf". index: its place in the result."""

    place: Place
    value: str
    index: tuple[int, ...]
    count: int
    size: int
    operands: tuple[Range, ...] = ()

    @property
    def path(self) -> str:
        return self.place.path

    @property
    def operation(self) -> str:
        return self.place.operation

    def __str__(self) -> str:
        if self.operation in ("input", "weight"):
            return f"{self.place} holds {self.value} at {list(self.index)}"
        name = f" {self.place.name!r}" if self.place.name else ""
        text = f"{self.value} first arises at {self.place}"
        text += f": {self.count} of {self.size} numbers of its result{name}"
        if self.index:
            text += f", the first at {list(self.index)}"
        return "; ".join([text, *dict.fromkeys(map(str, self.operands))])


class NonFiniteWatch:
    """Follows numbers that are not finite from where they arise.

    Each result is rounded to `dtype` first, so that what overflows there does so here; precision: all
    of the model but the loss to this type instead, as in mixed precision. Infinities that
    the definition writes itself, such as a mask's, are no origin until they become NaN.
    origin: of the last result that was not finite. every: all origins, in order. written: those of
    what is written to state, by the model's path.
    """

    def __init__(self, objective: Objective, dtype: str, precision: str | None = None):
        self.objective, self.dtype, self.precision = objective, dtype, precision or dtype
        self.origin: NonFinite | None = None
        self.every: list[NonFinite] = []
        self.written: dict[str, NonFinite] = {}
        self.origins: dict[int, tuple[int, Array]] = {}  # by the array's id: its origin, itself

    def __call__(
        self, stack: Sequence[Block], node: Node, operands: list[Array], results: list[Array]
    ) -> list[Array]:
        if node.op == "write" and id(operands[0]) in self.origins:
            path = self.objective.path(node.attributes["entry"])
            self.written.setdefault(path, self.every[self.origins[id(operands[0])][0]])
        if node.op in _HOLDERS:
            return results
        if node.op != "read":
            in_loss = any(block.key == self.objective.loss_key for block in stack)
            dtype = self.dtype if in_loss else self.precision
            results = [
                rounded(x, dtype).astype(x.dtype) if x.dtype.kind == "f" else x for x in results
            ]
        for number, result in enumerate(results):
            if result.dtype.kind == "f" and not np.isfinite(result).all():
                self._follow(stack, node, operands, result, number)
        return results

    def _follow(
        self,
        stack: Sequence[Block],
        node: Node,
        operands: list[Array],
        result: Array,
        number: int,
    ) -> None:
        bad = [x for x in operands if x.dtype.kind == "f" and not np.isfinite(x).all()]
        known = [self.origins[id(x)][0] for x in bad if id(x) in self.origins]
        if not known and node.regions and self.every:  # slices of what is not finite
            known = [0]
        if known:
            first = min(known)
        elif self._is_meant(node, bad, result):
            return
        else:
            first = len(self.every)
            self.every.append(self._found(stack, node, operands, result, number))
        self.origins[id(result)] = first, result
        self.origin = self.every[first]

    @staticmethod
    def _is_meant(node: Node, bad: list[Array], result: Array) -> bool:
        """Whether an infinity comes from one that the definition writes."""
        if np.isnan(result).any():
            return any(np.isnan(x).any() for x in bad)
        return bool(bad) or node.op in ("full", "constant")

    def _found(
        self,
        stack: Sequence[Block],
        node: Node,
        operands: list[Array],
        result: Array,
        number: int,
    ) -> NonFinite:
        if node.op == "read":
            path = self.objective.path(node.attributes["entry"])
            return _first_in(result, Place(path, "", "weight"))
        name = node.outputs[number].name
        ranges = [
            _range(operand, x, i)
            for i, (operand, x) in enumerate(zip(node.operands, operands, strict=True))
            if x.dtype.kind == "f" and x.size
        ]
        place = place_of(self.objective, stack, node.op, name)
        return _first_in(result, place, tuple(ranges))


def place_of(objective: Objective, stack: Sequence[Block], operation: str, name: str) -> Place:
    """Where a node stands: in which module, and in which function that it calls."""
    loss = [block for block in stack if block.key == objective.loss_key]
    owner = loss[0] if loss else next(block for block in reversed(stack) if block.is_module)
    path = "loss" if loss else objective.path(owner.path)
    function = "" if stack[-1] is owner else stack[-1].class_name
    return Place(path, owner.class_name, operation, name, function)


def first_non_finite(
    objective: Objective,
    weights: Mapping[str, Array],
    arrays: Sequence[Array],
    dtype: str,
    training: bool = True,
    *others: Watch,
    precision: str | None = None,
) -> NonFinite | None:
    """Where the loss first ceases to be finite; None where it is finite on the oracle too."""
    for value, array in zip(objective.program.root.inputs, arrays, strict=True):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return _first_in(array, Place(value.name, "", "input"))
    watch = NonFiniteWatch(objective, dtype, precision)
    loss = objective.run(weights, arrays, together(watch, *others), training)
    return None if np.isfinite(loss) else watch.origin


def _first_in(array: Array, place: Place, operands: tuple[Range, ...] = ()) -> NonFinite:
    bad = ~np.isfinite(array)
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    return NonFinite(place, str(array[index]), index, int(bad.sum()), array.size, operands)


def _range(operand: Operand, array: Array, number: int) -> Range:
    finite = array[np.isfinite(array)]
    low, high = (finite.min(), finite.max()) if finite.size else (np.inf, -np.inf)
    if isinstance(operand, Constant):
        name = "the constant"
    else:
        name = repr(operand.name) if operand.name else f"operand {number}"
    return Range(name, float(low), float(high), array.size - finite.size)
