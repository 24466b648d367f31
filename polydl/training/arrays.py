"""The arrays of a training run, checked against the model and the loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from polydl.augment.targets import soft_targets
from polydl.data import cast, check_count, check_finite, input_arrays
from polydl.errors import DataError, DTypeError, ShapeError
from polydl.losses.loss import fits
from polydl.program.binding import bind_sizes
from polydl.program.sizes import Shape, evaluate, symbols
from polydl.program.types import Program, Value
from polydl.training.emission import Types, check_single_output, given_types
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
    """Inputs in flat order, and the arrays of `training.given`, cast: see SampleCheck."""
    return SampleCheck(program, training, floating)(data, where)


@dataclass(frozen=True)
class SampleCheck:
    """Makes of (inputs, targets[, weights]) the arrays of a Training, cast.

    floating: their dtype where they are floats. Weights that are missing are 1; labels that an
    augmentation mixes become one-hot.
    """

    program: Program
    training: Training
    floating: str

    @cached_property
    def output(self) -> Value:
        return check_single_output(self.program)

    @cached_property
    def types(self) -> Types:
        return given_types(self.training, self.output)

    def __call__(self, data: Any, where: str) -> Data:
        """Inputs in flat order, and the arrays of `training.given`.

        Raises DataError, DTypeError or ShapeError, which start with `where`, for data that cannot be
        trained on.
        """
        given = self._given(data, where)
        with located(where):
            arrays = input_arrays(self.program, data[0], self.floating, "inputs")
            count = check_count(arrays, *given.values())
            for array, value in zip(arrays, self.program.root.inputs, strict=True):
                check_finite(array, f"input {value.name!r}")
            for key, array in given.items():
                check_finite(array, key)
        sizes = bind_sizes(self.program, [array.shape for array in arrays])

        def known(shape: Shape) -> Shape:
            return tuple(evaluate(s, sizes) if symbols([s]) <= set(sizes) else s for s in shape)

        shape = known(self.output.shape)
        types = {key: known(wanted) for key, (wanted, _) in self.types.items()}
        if "targets" in given:
            self._check_targets(given["targets"], types["targets"], shape, where)
        if self.training.weights is not None:
            weights = given.setdefault("weights", self._ones(count, types["weights"]))
            self._check_weights(weights, self._ones(count, types["weights"]).shape, where)
        return arrays, tuple(given.values())

    def _given(self, data: Any, where: str) -> dict[str, np.ndarray]:
        """What samples bring besides inputs, by name, cast."""
        training, loss = self.training, self.training.loss
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise DataError(f"{where}: expected (inputs, targets), or (inputs, targets, weights)")
        if len(data) == 3 and training.weights is None:
            raise DataError(f"{where}: there are weights, but this Training says weights=None")
        if loss.target_dtype is None and data[1] is not None:
            name = type(loss).__name__
            raise DataError(f"{where}: {name} takes no targets: give (inputs, None)")
        given = {}
        if loss.target_dtype is not None:
            with located(where):
                targets = soft_targets(data[1], training.augment, self.floating)
            given["targets"] = cast(targets, loss.target_dtype, self.floating, f"{where}: targets")
        if len(data) == 3:
            given["weights"] = cast(data[2], "float", self.floating, f"{where}: weights")
        return given

    def _check_targets(self, targets: np.ndarray, wanted: Shape, shape: Shape, where: str) -> None:
        loss = self.training.loss
        if not fits(targets.shape, wanted, shape):
            raise ShapeError(
                f"{where}: targets have the shape {targets.shape}; {type(loss).__name__} of outputs "
                f"of shape {shape} takes {wanted}"
            )
        with located(where):
            loss.check_targets(targets, shape)

    def _ones(self, count: int, wanted: Shape) -> np.ndarray:
        return np.ones((count, *wanted[1:]), self.floating)

    def _check_weights(self, weights: np.ndarray, wanted: Shape, where: str) -> None:
        if weights.shape != wanted:
            raise ShapeError(
                f"{where}: weights have the shape {weights.shape}; they are one a "
                f"{self.training.weights}: {wanted}"
            )
        if (weights < 0).any():
            raise DataError(f"{where}: weights hold {weights.min()}; they must be 0 or more")


@contextmanager
def located(where: str) -> Iterator[None]:
    """Errors raised inside say whether it is the data or the validation that is wrong."""
    try:
        yield
    except (DataError, DTypeError) as error:
        raise type(error)(f"{where}: {error}") from None
