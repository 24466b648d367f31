"""The arrays of a training run, checked against the model and the loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from polydl.data import cast, check_count, check_finite, check_indices, input_arrays
from polydl.errors import DataError, DTypeError, ShapeError
from polydl.program.binding import bind_sizes
from polydl.program.sizes import Size, evaluate
from polydl.program.types import Program
from polydl.training.emission import check_single_output
from polydl.training.settings import Training


def training_arrays(
    program: Program, training: Training, floating: str, data: tuple[Any, Any], where: str
) -> tuple[list[np.ndarray], np.ndarray]:
    """Inputs in flat order and targets, cast; floating is their dtype where they are floats.

    Raises DataError, DTypeError or ShapeError, which start with `where`, for data that cannot be
    trained on.
    """
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise DataError(f"{where}: expected (inputs, targets)")
    output = check_single_output(program)
    loss = training.loss
    targets = cast(data[1], loss.target_dtype, floating, f"{where}: targets")
    with located(where):
        arrays = input_arrays(program, data[0], floating, "inputs")
        check_count(arrays, targets)
        for array, value in zip(arrays, program.root.inputs, strict=True):
            check_finite(array, f"input {value.name!r}")
        check_finite(targets, "targets")
        check_indices(program, arrays)
    sizes = bind_sizes(program, [array.shape for array in arrays])
    shape = tuple(
        evaluate(s, sizes) if not isinstance(s, Size) or s.symbols() <= set(sizes) else s
        for s in output.shape
    )
    expected = loss.target_shape(shape)
    if targets.shape != tuple(expected):
        raise ShapeError(
            f"{where}: targets have the shape {targets.shape}; {type(loss).__name__} of outputs "
            f"of shape {shape} takes {tuple(expected)}"
        )
    with located(where):
        loss.check_targets(targets, shape)
    return arrays, targets


@contextmanager
def located(where: str) -> Iterator[None]:
    """Errors raised inside say whether it is the data or the validation that is wrong."""
    try:
        yield
    except (DataError, DTypeError) as error:
        raise type(error)(f"{where}: {error}") from None
