"""Checks of the arrays that users hand in, before any framework sees them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from polydl.errors import DataError, DTypeError
from polydl.program.binding import bind_sizes
from polydl.program.extents import single_values
from polydl.program.sizes import evaluate, symbols
from polydl.program.structure import flatten_as
from polydl.program.types import DType, Program

_KINDS = {"float": "f", "int": "iu", "bool": "b"}


def cast(array: Any, dtype: DType, floating: str, where: str, instead: str = "") -> np.ndarray:
    """As the dtype that a program takes. A float where an integer belongs, or the reverse, raises.

    instead: what else would do, for the error.
    """
    try:
        value = np.asarray(array)
    except Exception as error:  # whatever NumPy, or another library's array, has to say
        raise DataError(f"{where} cannot be read as an array: {error}") from None
    kind = value.dtype.kind
    if kind not in "fiub":
        raise DTypeError(f"{where}: expected {dtype} values, got {value.dtype}, no numbers")
    if kind not in _KINDS[dtype]:
        raise DTypeError(
            f"{where}: expected {dtype} values, got {value.dtype}. Convert with "
            f".astype({'np.int32' if dtype == 'int' else dtype}){instead}"
        )
    if dtype == "int":
        if value.dtype.itemsize > 4 or value.dtype == np.uint32:
            info = np.iinfo(np.int32)
            if value.size and (value.min() < info.min or value.max() > info.max):
                raise DataError(f"{where}: integers beyond int32 ({value.min()} to {value.max()})")
        wanted: Any = np.int32
    else:
        wanted = floating if dtype == "float" else np.bool_
    try:
        with np.errstate(over="raise"):
            value = np.asarray(value, dtype=wanted, order="C")
    except FloatingPointError:
        largest = np.finfo(wanted).max
        bad = tuple(int(i) for i in np.argwhere(np.isfinite(value) & (np.abs(value) > largest))[0])
        raise DataError(
            f"{where} holds {value[bad]} at {bad}, which {wanted} does not: it ends at {largest:.3g}. "
            "Scale the data, or compile with dtype='float64'"
        ) from None
    return value if value.flags.writeable else value.copy()


def input_arrays(
    program: Program, given: Any, floating: str, where: str = "the model's input"
) -> list[np.ndarray]:
    """Arrays in the order of the program's inputs, cast, with fitting shapes and indices in range."""
    _check_mapping(program, given, where)
    leaves = flatten_as(program.inputs, given, where)
    arrays = [
        cast(leaf, value.dtype, floating, f"input {value.name!r}", ", or change dl.Input's dtype")
        for leaf, value in zip(leaves, program.root.inputs, strict=True)
    ]
    sizes = bind_sizes(program, [array.shape for array in arrays])
    check_extents(program, sizes)
    check_indices(program, arrays, sizes)
    return arrays


def _check_mapping(program: Program, given: Any, where: str) -> None:
    """A dict is for a model that was compiled for one."""
    if isinstance(given, Mapping) and program.inputs is not None and program.inputs[0] != "dict":
        names = ", ".join(value.name for value in program.root.inputs)
        keys = ", ".join(f"{key!r}: dl.Input(...)" for key in given)
        raise DataError(
            f"{where}: got a dict, and this model takes a tuple: ({names}). For a dict compile it with "
            f"one: dl.compile(model, {{{keys}}}, ...)"
        )


def in_layout(arrays: list[np.ndarray], channels_first: Sequence[bool]) -> list[np.ndarray]:
    """Images as the native object takes them. channels_first: which have channels on axis 1."""
    return [
        np.ascontiguousarray(np.moveaxis(x, -1, 1)) if first else x
        for x, first in itertools.zip_longest(arrays, channels_first[: len(arrays)])
    ]


def check_finite(array: np.ndarray, where: str) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        position = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise DataError(
            f"{where} holds {array[position]} at {position}. Clean the data, or replace it"
        )


def check_count(arrays: list[np.ndarray], *others: np.ndarray) -> int:
    """How many samples there are, the same in inputs, targets and weights, and more than none."""
    counts = {len(array) if array.ndim else 0 for array in [*arrays, *others]}
    if len(counts) != 1:
        shown = ", ".join(str(array.shape) for array in [*arrays, *others])
        raise DataError(f"inputs and targets differ in their number of samples: {shown}")
    (count,) = counts
    if count == 0:
        raise DataError("there are no samples")
    return count


def check_indices(program: Program, arrays: list[np.ndarray], sizes: Mapping[str, int]) -> None:
    """Inputs that the model looks up as they are must be in range: see `polydl.program.lookups`."""
    for lookup in program.lookups:
        array, rows = arrays[lookup.seen.input], evaluate(lookup.rows, sizes)
        indices = lookup.seen.elements(array, sizes)
        if not indices.size or (indices.min() >= 0 and indices.max() < rows):
            continue
        places = lookup.seen.elements(np.arange(array.size).reshape(array.shape), sizes)
        first = places[(indices < 0) | (indices >= rows)].min()
        position = [int(i) for i in np.unravel_index(first, array.shape)]
        raise DataError(
            f"input {program.root.inputs[lookup.seen.input].name!r} holds {array.flat[first]} at "
            f"{position}, but {lookup.where} looks it up among {rows} rows, from 0 to {rows - 1}. "
            "Correct it; where the nearest row is meant, use ops.clip in the model"
        )


def check_extents(program: Program, sizes: Mapping[str, int]) -> None:
    """What the model takes by counting must be there: see `polydl.program.extents`."""
    for extent in program.extents:
        last, rows = evaluate(extent.last, sizes), evaluate(extent.rows, sizes)
        if last < rows:
            continue
        decides = symbols([extent.last, extent.rows])
        shown = ", ".join(
            f"input {value.name!r} has {sizes[str(size)]} on axis {axis}"
            for value in program.root.inputs
            for axis, size in enumerate(value.shape)
            if str(size) in decides
        )
        raise DataError(
            f"{shown}, but {extent.where} looks up place {last} among {rows}, from 0 to {rows - 1}. "
            "Give other sizes; where the nearest place is meant, use ops.clip in the model"
        )


def check_batch_sizes(program: Program, inputs: Sequence[np.ndarray], counts: set[int]) -> None:
    """Whether the model can be trained on so many samples at a time."""
    for count in sorted(counts):
        shapes = [(count, *x.shape[1:]) if x.ndim else () for x in inputs]  # the step has none
        sizes = bind_sizes(program, shapes)
        if where := single_values(program, sizes):
            raise DataError(
                f"{where}, with unbiased=True, cannot be trained on a batch of {count}: it divides by "
                "n - 1, of n = 1 number a channel. Choose another batch_size, leave the last sample "
                "out, or use BatchNorm()"
            )
