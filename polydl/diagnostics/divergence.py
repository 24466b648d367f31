"""What to say of a run that ceased to be finite: where, and what to look at."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from polydl.diagnostics.cause import Cause, find_cause, suspected, written
from polydl.diagnostics.gradients import loss_and_gradients
from polydl.diagnostics.non_finite import NonFinite
from polydl.diagnostics.objective import Array, objective
from polydl.errors import BackendError
from polydl.program.types import Block, Node
from polydl.training.settings import Training

if TYPE_CHECKING:
    from polydl.training.fit import Fitting

SECONDS = 60.0  # that the oracle may take
MASKS = 5  # that are tried where the run's are not known
RISEN = 10.0  # a loss so many times its lowest had begun to diverge before

_BY_OPERATION = {
    "input": "Clean the data, or replace it",
    "log": "Keep what the logarithm is taken of above 0, as in ops.log(ops.maximum(x, 1e-12))",
    "divide": "Keep the divisor away from 0, as in x / (y + 1e-6)",
    "sqrt": "Keep what the root is taken of above 0, as in ops.sqrt(x + 1e-12): its derivative at 0 is "
    "infinite",
    "rsqrt": "Keep what the root is taken of above 0, as in ops.rsqrt(x + 1e-6)",
    "exp": "Bound the exponent: subtract the maximum, or use ops.logsumexp, dl.softmax, dl.sigmoid",
    "power": "Keep the base away from 0",
}
_RATE = (
    "Lower the learning rate (dl.find_lr suggests one), warm it up, or clip gradients "
    "(Training's clip_norm)"
)
_FIRST = (
    "There was no update before, so the learning rate has no part in it: look at the data, the initial "
    "weights, and what the model computes of them"
)
_RANGE = (
    "{dtype} ends at {largest:.2g}. Keep numbers small: normalise inputs and layers, or leave out what "
    "multiplies them"
)
_FLOAT16 = (
    'float16 ends at 65504. Give the run precision="bfloat16", or keep numbers small: normalise inputs '
    "and layers"
)


def cause_of(
    fitting: Fitting,
    training: Training,
    weights: Mapping[str, Array],
    batch: Sequence[Array],
    step: int,
    broken: Sequence[str],
) -> Cause | None:
    """Why the loss of a batch, its gradients, or state that it writes, are not finite at these weights.

    batch: arrays as a Trainer takes them. Masks are those of portable randomness at `step`, which
    were the run's own unless they were the framework's: then some more are tried. broken: entries that
    the update made not finite, of a finite loss. None where nothing is found, or the oracle takes
    longer than SECONDS.
    """
    state = [path for path in broken if fitting.program.entries[path].role == "state"]
    whole = objective(fitting.program, training)
    batch = channels_last(fitting, batch)
    foreign = whole.takes_step and training.randomness == "native"
    parts = training.accumulate
    size = len(batch[0]) if parts == 1 else -(-training.batch_size // parts)
    dtype, clock = fitting.options.dtype, Clock(SECONDS)
    guess = None
    try:
        for number in range(step, step + (MASKS if foreign else 1)):
            for part, start in enumerate(range(0, len(batch[0]), size)):
                rows = [np.ascontiguousarray(x[start : start + size]) for x in batch]
                arrays = whole.arrays(rows, [], parts * number + part)
                _, slopes = loss_and_gradients(
                    whole, fitting.backend.name, fitting.options, weights, arrays
                )
                cause = find_cause(
                    whole, weights, arrays, slopes, dtype, clock, precision=training.precision
                )
                cause = cause or written(whole, weights, arrays, dtype, state, clock)
                if cause is not None:
                    return cause
                guess = guess or suspected(whole, weights, arrays, dtype, clock)
    except (BackendError, TimeoutError):
        pass
    return guess if broken else None


def channels_last(fitting: Fitting, batch: Sequence[Array]) -> list[Array]:
    """A batch as a Trainer takes it, in canonical layouts."""
    flags = itertools.zip_longest(fitting.model.emitted.channels_first, batch)
    return [np.moveaxis(x, 1, -1) if first else x for first, x in flags]


class Clock:
    """A watch that raises TimeoutError once it has run for some seconds."""

    def __init__(self, seconds: float):
        self.end = time.monotonic() + seconds

    def __call__(
        self, stack: Sequence[Block], node: Node, operands: list[Array], results: list[Array]
    ) -> list[Array]:
        if time.monotonic() > self.end:
            raise TimeoutError
        return results


def advice(cause: Cause | None, losses: np.ndarray, dtype: str, first: bool = False) -> str:
    """What to look at. losses: those before, all finite. first: no update was made before."""
    risen = len(losses) > 1 and losses[-1] > RISEN * abs(losses.min())
    notes = []
    if risen:
        notes.append(
            f"The loss had risen from {losses.min():.4g} to {losses[-1]:.4g} before. {_RATE}"
        )
    origin = None if cause is None else cause.origin
    operation = "" if origin is None else origin.place.operation
    if cause is not None and cause.precision == "float16":
        notes.append(_FLOAT16)
    elif operation in _BY_OPERATION and not risen:
        notes.append(_BY_OPERATION[operation])
    elif isinstance(origin, NonFinite) and "inf" in origin.value and first:
        notes.append(_RANGE.format(dtype=dtype, largest=np.finfo(dtype).max))
    forward = cause is not None and (cause.first_bad is not None or bool(cause.state))
    return ". ".join(notes or [_FIRST if first and forward else _RATE])
