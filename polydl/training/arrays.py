"""The arrays of a training run, checked against the model and the loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from polydl.data import cast, check_count, check_finite, input_arrays
from polydl.errors import DataError, DTypeError, ShapeError
from polydl.losses.loss import fits
from polydl.program.binding import bind_sizes
from polydl.program.sizes import Shape, evaluate, symbols
from polydl.program.types import Program
from polydl.training.emission import check_single_output, given_types
from polydl.training.settings import Training

Data = tuple[list[np.ndarray], tuple[np.ndarray, ...]]  # inputs in flat order, Training.given


def weighted(training: Training, data: Any) -> Training:
    """The Training of data (inputs, targets) or (inputs, targets, weights): what weights are of."""
    if training.weights is not None or not isinstance(data, (tuple, list)) or len(data) != 3:
        return training
    return replace(training, weights="element" if np.ndim(data[2]) > 1 else "sample")


def training_arrays(
    program: Program, training: Training, floating: str, data: Any, where: str
) -> Data:
    """Inputs in flat order, and the arrays of `training.given`, cast.

    floating: their dtype where they are floats. Weights that are missing are 1. Raises DataError,
    DTypeError or ShapeError, which start with `where`, for data that cannot be trained on.
    """
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise DataError(f"{where}: expected (inputs, targets), or (inputs, targets, weights)")
    if len(data) == 3 and training.weights is None:
        raise DataError(f"{where}: there are weights, but this Training says weights=None")
    output, loss = check_single_output(program), training.loss
    name = type(loss).__name__
    if loss.target_dtype is None and data[1] is not None:
        raise DataError(f"{where}: {name} takes no targets: give (inputs, None)")
    given = {}
    if loss.target_dtype is not None:
        given["targets"] = cast(data[1], loss.target_dtype, floating, f"{where}: targets")
    if len(data) == 3:
        given["weights"] = cast(data[2], "float", floating, f"{where}: weights")
    with located(where):
        arrays = input_arrays(program, data[0], floating, "inputs")
        count = check_count(arrays, *given.values())
        for array, value in zip(arrays, program.root.inputs, strict=True):
            check_finite(array, f"input {value.name!r}")
        for key, array in given.items():
            check_finite(array, key)
    sizes = bind_sizes(program, [array.shape for array in arrays])

    def known(shape: Shape) -> Shape:
        return tuple(evaluate(s, sizes) if symbols([s]) <= set(sizes) else s for s in shape)

    shape = known(output.shape)
    types = {key: known(wanted) for key, (wanted, _) in given_types(training, output).items()}
    if "targets" in given:
        if not fits(given["targets"].shape, types["targets"], shape):
            raise ShapeError(
                f"{where}: targets have the shape {given['targets'].shape}; {name} of outputs "
                f"of shape {shape} takes {types['targets']}"
            )
        with located(where):
            loss.check_targets(given["targets"], shape)
    if training.weights is not None:
        ones = np.ones((count, *types["weights"][1:]), floating)
        weights = given.setdefault("weights", ones)
        if weights.shape != ones.shape:
            raise ShapeError(
                f"{where}: weights have the shape {weights.shape}; they are one a "
                f"{training.weights}: {ones.shape}"
            )
        if (weights < 0).any():
            raise DataError(f"{where}: weights hold {weights.min()}; they must be 0 or more")
    return arrays, tuple(given.values())


@contextmanager
def located(where: str) -> Iterator[None]:
    """Errors raised inside say whether it is the data or the validation that is wrong."""
    try:
        yield
    except (DataError, DTypeError) as error:
        raise type(error)(f"{where}: {error}") from None
