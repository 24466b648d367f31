"""What a row is in numbers, and what the float64 oracle says of it. Computed once a process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from polydl.conformance.memo import ORACLE, memoized
from polydl.conformance.row import RANDOM_SEED, Array, Row, TieRow
from polydl.conformance.samplers import generator, sample_weights
from polydl.precision import floats_rounded
from polydl.program.passes import portable_randomness, remove_dead_code
from polydl.program.structure import flatten, unflatten
from polydl.program.types import Program
from polydl.program.verify import verify
from polydl.reference import Interpreter
from polydl.reference.gradients import DirectionalDerivative
from polydl.reference.weighted_sum import WeightedSum
from polydl.spec.tracing import trace

STEP = np.array(5, np.int32)  # the step at which rows with portable randomness are run


@dataclass(frozen=True, eq=False)
class Case:
    """A row's Program, inputs in flat order, and weights by path, in float64."""

    program: Program
    inputs: tuple[Array, ...]
    weights: dict[str, Array]

    def nested(self, inputs: tuple[Array, ...]) -> Any:
        """Inputs as a net takes them."""
        return unflatten(self.program.inputs, inputs)

    def rounded(self, dtype: str) -> tuple[tuple[Array, ...], dict[str, Array]]:
        """Inputs and weights as a model in this precision gets them."""
        inputs = floats_rounded(dict(enumerate(self.inputs)), dtype)
        return tuple(inputs.values()), floats_rounded(self.weights, dtype)


@memoized(ORACLE)
def case(row: Row | TieRow, resized: bool = False) -> Case:
    program = remove_dead_code(trace(row.model(), row.inputs))
    if isinstance(row, Row) and row.portable:
        program = portable_randomness(program, RANDOM_SEED)
    verify(program)
    rng = generator(row.name, row.seed if isinstance(row, Row) else 0)
    given = row.point if isinstance(row, TieRow) else row.resized if resized else row.samples
    inputs = [sampler(rng) for sampler in flatten(given)[0]]
    if isinstance(row, Row) and row.portable:
        inputs.append(STEP)
    return Case(program, tuple(inputs), sample_weights(program, generator(row.name, 1)))


@memoized(ORACLE)
def run(
    row: Row, training: bool, resized: bool = False, dtype: str = "float64"
) -> tuple[list[Array], dict[str, Array]]:
    """(outputs in flat order, state after). dtype: what inputs and weights are rounded to first."""
    known = case(row, resized)
    inputs, weights = known.rounded(dtype)
    return Interpreter(known.program).run(weights, inputs, training)


def leaf_names(program: Program) -> list[str]:
    """A name for each output: its key or index."""

    def names(part: Any, prefix: str) -> Iterator[str]:
        if part is None:
            yield prefix or "output"
            return
        kind, parts = part
        pairs = parts.items() if kind == "dict" else enumerate(parts)
        for key, inner in pairs:
            yield from names(inner, f"{prefix}.{key}" if prefix else str(key))

    return list(names(program.outputs, ""))


@memoized(ORACLE)
def cotangents(row: Row) -> tuple[Array | None, ...]:
    """Weights of each floating output in the sum that gradients are taken of."""
    rng = generator(row.name, 2)
    outputs, _ = run(row, row.modes[-1])
    return tuple(
        rng.standard_normal(y.shape) if y.dtype.kind == "f" and y.size else None for y in outputs
    )


@memoized(ORACLE)
def weighted_sum(row: Row, training: bool) -> WeightedSum:
    """What gradients are taken of."""
    known = case(row)
    return WeightedSum(known.program, known.weights, known.inputs, cotangents(row), training)


@memoized(ORACLE)
def derivative(row: Row, training: bool, by: str = "") -> DirectionalDerivative:
    """The five-point derivative of the sum along a random direction: of all, or of one array."""
    return weighted_sum(row, training).derivative(by, row.seed)
