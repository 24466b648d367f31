"""Why a loss or its gradients are not finite: the first bad value, forward or on the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from polydl.diagnostics.gradients import first_bad_penalty
from polydl.diagnostics.non_finite import NonFinite, NonFiniteWatch, first_non_finite
from polydl.diagnostics.objective import Array, Objective
from polydl.diagnostics.watches import ReadsWatch, Singular, SingularWatch
from polydl.reference import Watch, together


@dataclass(frozen=True)
class Cause:
    """first_bad: where the first number that is not finite arises in the forward pass, on the oracle.

    precision: the type in which the model has to be computed for it to arise, where it is not the
    net's. backward: where that pass is finite, the parameter whose gradient is the first that is not,
    on the way back, if it could be had again; suspects: operations that can make it so. state: the
    first piece of state that the step writes what is not finite into, where loss and gradients are
    finite; suspects has where it arises.
    """

    first_bad: NonFinite | None = None
    backward: str = ""
    suspects: tuple[Singular | NonFinite, ...] = ()
    precision: str | None = None
    state: str = ""

    @property
    def origin(self) -> Singular | NonFinite | None:
        """The first bad value, or the first suspect."""
        return self.first_bad or (self.suspects[0] if self.suspects else None)

    @property
    def path(self) -> str:
        """Of the module, input or weight: the first bad value's, or the first suspect's."""
        return self.origin.place.path if self.origin is not None else self.backward

    def __str__(self) -> str:
        if self.first_bad is not None:
            low = f", if all of the model is computed in {self.precision}" if self.precision else ""
            return f"{self.first_bad}{low}"
        if self.state:
            (first, *_) = self.suspects
            into = f"what the step writes to {self.state} is not"
            return f"loss and gradients are finite, but {into}: {first}"
        back = f"the gradient of {self.backward} is the first that is" if self.backward else "it is"
        text = f"the forward pass is finite on the oracle; on the way back {back} not"
        return "; ".join([text, *(f"likely by {suspect}" for suspect in self.suspects)])


def find_cause(
    whole: Objective,
    weights: Mapping[str, Array],
    arrays: list[Array],
    gradients: Mapping[str, Array],
    dtype: str,
    *others: Watch,
    precision: str | None = None,
) -> Cause | None:
    """Why the loss of a batch, or a gradient of it, is not finite in a net of `dtype`.

    precision: that of a run in mixed precision, which is tried where nothing else is found. None where
    all gradients that are given are finite, and so is the loss on the oracle, which others watch too.
    """
    first = first_non_finite(whole, weights, arrays, dtype, True, *others)
    first = first or first_bad_penalty(whole, weights, dtype)
    if first is not None:
        return Cause(first)
    bad = [path for path, slope in gradients.items() if not np.isfinite(slope).all()]
    if not bad:
        if precision is not None:
            first = first_non_finite(
                whole, weights, arrays, dtype, True, *others, precision=precision
            )
        return Cause(first, precision=precision) if first else None
    reads = ReadsWatch(whole)
    suspects = _suspects(whole, weights, arrays, dtype, reads, *others)
    return Cause(None, max(bad, key=list(reads.paths).index), suspects)


def written(
    whole: Objective,
    weights: Mapping[str, Array],
    arrays: list[Array],
    dtype: str,
    state: Sequence[str],
    *others: Watch,
) -> Cause | None:
    """Why a step makes one of these entries not finite, if it writes such a value into it."""
    if not state:
        return None
    followed = NonFiniteWatch(whole, dtype)
    whole.run(weights, arrays, together(followed, *others))
    for path in followed.written:
        if path in state:
            return Cause(suspects=(followed.written[path],), state=path)
    return None


def suspected(
    whole: Objective, weights: Mapping[str, Array], arrays: list[Array], dtype: str, *others: Watch
) -> Cause | None:
    """What can have made gradients not finite that are so no more, with other masks."""
    suspects = _suspects(whole, weights, arrays, dtype, *others)
    return Cause(None, "", suspects) if suspects else None


def _suspects(
    whole: Objective, weights: Mapping[str, Array], arrays: list[Array], dtype: str, *others: Watch
) -> tuple[Singular | NonFinite, ...]:
    followed, singular = NonFiniteWatch(whole, dtype), SingularWatch(whole)
    whole.run(weights, arrays, together(followed, singular, *others))
    return (*singular.found, *followed.every)
