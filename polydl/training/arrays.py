"""The arrays of a training run, checked against the model and the loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from polydl.augment.targets import soft_targets
from polydl.data import cast, check_count, check_finite, input_arrays
from polydl.errors import DataError, DTypeError, ShapeError
from polydl.losses.loss import Loss, fits
from polydl.program.binding import bind_sizes
from polydl.program.sizes import Shape, evaluate, symbols
from polydl.program.types import Program
from polydl.training.head_data import picked
from polydl.training.heads import BoundHead, Head, bound_heads
from polydl.training.loss_blocks import head_types
from polydl.training.settings import Training

Data = tuple[list[np.ndarray], tuple[np.ndarray, ...]]  # inputs in flat order, Training.given


def weighted(training: Training, data: Any) -> Training:
    """The Training of data (inputs, targets) or (inputs, targets, weights): what weights are of."""
    if training.weights is not None or not isinstance(data, (tuple, list)) or len(data) != 3:
        return training
    weights, losses = data[2], training.loss
    if isinstance(losses, Loss):
        return replace(training, weights=_weights_of(weights))
    if isinstance(weights, Mapping):
        return replace(training, weights={key: _weights_of(w) for key, w in weights.items()})
    if isinstance(weights, (tuple, list)) and any(np.ndim(w) for w in weights):
        by_head = picked(training.heads, weights, "weights", "data")
        kinds = {key: _weights_of(w) for key, w in by_head.items() if w is not None}
        return replace(training, weights=tuple(kinds.get(i) for i in range(len(losses))))
    return replace(training, weights=_weights_of(weights))


def _weights_of(weights: Any) -> str:
    try:
        return "element" if np.ndim(weights) > 1 else "sample"
    except ValueError:  # no array: `cast` says more
        return "sample"


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
    def heads(self) -> tuple[BoundHead, ...]:
        return bound_heads(self.program, self.training)

    def __call__(self, data: Any, where: str) -> Data:
        """Inputs in flat order, and the arrays of `training.given`.

        Raises DataError, DTypeError or ShapeError, which start with `where`, for data that cannot be
        trained on.
        """
        heads, given = self.heads, self._given(data, where)
        with located(where):
            arrays = input_arrays(self.program, data[0], self.floating, "inputs")
            count = check_count(arrays, *given.values())
            for array, value in zip(arrays, self.program.root.inputs, strict=True):
                check_finite(array, f"input {value.name!r}")
            for key, array in given.items():
                check_finite(array, self._label(key))
        sizes = bind_sizes(self.program, [array.shape for array in arrays])

        def known(shape: Shape) -> Shape:
            return tuple(evaluate(s, sizes) if symbols([s]) <= set(sizes) else s for s in shape)

        for bound in heads:
            shape, names = known(bound.output.shape), bound.head.given
            types = {names[what]: known(wanted) for what, (wanted, _) in head_types(bound).items()}
            if "targets" in names:
                name = names["targets"]
                self._check_targets(bound.head, given[name], types[name], shape, where)
            if "weights" in names:
                name = names["weights"]
                ones = np.ones((count, *types[name][1:]), self.floating)
                weights = given.setdefault(name, ones)
                self._check_weights(bound.head, weights, ones.shape, where)
        return arrays, tuple(given[name] for name in self.training.given)

    def _label(self, name: str) -> str:
        """What an error calls an array of `training.given`."""
        for head in self.training.heads:
            for what, own in head.given.items():
                if own == name and not (what == "weights" and head.shared):
                    return head.label(what)
        return name

    def _given(self, data: Any, where: str) -> dict[str, np.ndarray]:
        """What samples bring besides inputs, by name, cast."""
        training, heads = self.training, self.training.heads
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise DataError(f"{where}: expected (inputs, targets), or (inputs, targets, weights)")
        if len(data) == 3 and training.weights is None:
            raise DataError(f"{where}: there are weights, but this Training says weights=None")
        given, targets = {}, {}
        if data[1] is not None or any("targets" in head.given for head in heads):
            targets = picked(heads, data[1], "targets", where)
        for bound in self.heads:
            head = bound.head
            named = f"{where}: {head.label('targets')}"
            found = targets.get(head.key)
            if head.loss.target_dtype is None:
                if found is not None:
                    name = type(head.loss).__name__
                    instead = "give (inputs, None)" if head.key is None else "leave them out"
                    raise DataError(f"{named}: {name} takes no targets: {instead}")
                continue
            if found is None and head.key is not None:
                raise DataError(f"{named} are missing")
            with located(where):
                found = soft_targets(found, training.augment, self.floating)
            self._check_kind(bound, found, named)
            given[head.targets] = cast(found, head.loss.target_dtype, self.floating, named)
        if len(data) == 3:
            shared = heads[0].key is None or heads[0].shared
            weights = {} if shared else picked(heads, data[2], "weights", where)
            for head in heads:
                found = data[2] if shared else weights.get(head.key)
                own = head.given.get("weights")
                if found is not None and own is None:
                    raise DataError(
                        f"{where}: there are {head.label('weights')}, which this Training has not"
                    )
                if found is not None and own is not None:
                    named = f"{where}: {'weights' if shared else head.label('weights')}"
                    given[own] = cast(found, "float", self.floating, named)
        return given

    def _check_kind(self, bound: BoundHead, targets: Any, named: str) -> None:
        """Raise DTypeError for targets of which one knows what would take them."""
        loss = bound.head.loss
        try:
            array = np.asarray(targets)
        except Exception:  # `cast` says more
            if bound.head.key is None and isinstance(targets, (tuple, list)):
                raise DataError(
                    f"{named} are {len(targets)} arrays of different shapes, for a model's one output. "
                    "Give one array; batches go in a list of tuples, [(inputs, targets), ...]"
                ) from None
            return
        if loss.target_dtype == "float" and array.dtype.kind in "iu":
            for one in self.training.augment:
                if one.mixes and getattr(one, "classes", 0) is None:
                    name = type(one).__name__
                    raise DTypeError(
                        f"{named}: {name} mixes integer labels as one-hot targets, and must know how "
                        f"many classes there are: dl.{name}(classes=...)"
                    )
        if instead := loss.instead(array, bound.output.shape):
            raise DTypeError(f"{named}: {instead}")

    def _check_targets(
        self, head: Head, targets: np.ndarray, wanted: Shape, shape: Shape, where: str
    ) -> None:
        loss = head.loss
        if not fits(targets.shape, wanted, shape):
            raise ShapeError(
                f"{where}: {head.label('targets')} have the shape {targets.shape}; "
                f"{type(loss).__name__} of outputs of shape {shape} takes {wanted}"
            )
        with located(where if head.key is None else f"{where}: {head.label('targets')}"):
            loss.check_targets(targets, shape)

    def _check_weights(self, head: Head, weights: np.ndarray, wanted: Shape, where: str) -> None:
        name = "weights" if head.shared else head.label("weights")
        if weights.shape != wanted:
            raise ShapeError(
                f"{where}: {name} have the shape {weights.shape}; there is one for each "
                f"{head.weights}: {wanted}"
            )
        if (weights < 0).any():
            raise DataError(f"{where}: {name} hold {weights.min()}; they must be 0 or more")


@contextmanager
def located(where: str) -> Iterator[None]:
    """Errors raised inside say whether it is the data or the validation that is wrong."""
    try:
        yield
    except (DataError, DTypeError) as error:
        raise type(error)(f"{where}: {error}") from None
