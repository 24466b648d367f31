"""dl.find_lr: the loss while the learning rate rises, and the rates that it suggests."""

from __future__ import annotations

import copy as copies
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from polydl.diagnostics.batch import as_data, batches_of, check_net, check_training, copy_of
from polydl.diagnostics.table import number, table
from polydl.errors import DefinitionError
from polydl.net import Net
from polydl.schedules.exponential import ExponentialDecay
from polydl.training.arrays import Data
from polydl.training.settings import Training

_PART = 10  # updates between two looks at the losses
_WARM_UP = 10  # updates that nothing is suggested from: the average is of a handful of batches
_SETTLED = 6  # updates before the run may end for a loss that rises
_NOISE = 3.0  # standard deviations that the smoothed loss must have fallen


@dataclass(frozen=True)
class LearningRateCurve:
    """What dl.find_lr found: the rate of each update, the loss before it, and that loss smoothed.

    diverged: whether the run ended before the highest rate, since the loss had grown. smoothing: of
    the average.

    Suggestions are of where the loss falls: after ten updates, from which the average is of enough
    batches, and to below the mean of those before by more than its noise: three standard deviations
    of such an average, that of losses being taken from their second differences, which a trend does
    not move.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    diverged: bool
    smoothing: float = 0.0

    @property
    def steepest(self) -> float | None:
        """The rate at which the smoothed loss falls fastest, over the rate's logarithm; None where it
        nowhere falls."""
        fall = self._fall()
        if fall is None:
            return None
        slopes = np.gradient(self.smoothed, np.log(self.rates))[fall]
        return float(self.rates[fall][np.argmin(slopes)])

    @property
    def tenth_of_lowest(self) -> float | None:
        """A tenth of the rate at which the smoothed loss is lowest; None where it nowhere falls."""
        fall = self._fall()
        return None if fall is None else float(self.rates[fall][-1]) / 10

    @property
    def suggestion(self) -> float | None:
        """The smaller of the two: a rate to begin with."""
        found = [rate for rate in (self.steepest, self.tenth_of_lowest) if rate is not None]
        return min(found) if found else None

    def _fall(self) -> slice | None:
        """From the last update that is not clearly below those before to the lowest."""
        if len(self.losses) <= _WARM_UP:
            return None
        lowest = _WARM_UP + int(np.argmin(self.smoothed[_WARM_UP:]))
        counts = np.arange(1, len(self.losses) + 1)
        means = np.cumsum(self.losses) / counts
        fallen = self.smoothed < means - self._noise(counts)
        if not fallen[lowest]:
            return None
        above = np.flatnonzero(~fallen[_WARM_UP:lowest])
        return slice(_WARM_UP + (int(above[-1]) if above.size else 0), lowest + 1)

    def _noise(self, counts: np.ndarray) -> np.ndarray:
        """How far a smoothed loss is from the mean of so many, at most, if there is no trend."""
        bends = np.abs(np.diff(self.losses, 2))
        deviation = np.median(bends) / 0.6745 / np.sqrt(6)  # of normal numbers
        share = (1 - self.smoothing) / (1 + self.smoothing)  # of its variance, that of an average
        return np.asarray(_NOISE * deviation * np.sqrt(share + 1 / counts))

    def __str__(self) -> str:
        shown = np.unique(np.linspace(0, len(self.rates) - 1, 15).astype(int))
        rows = [
            (number(self.rates[i]), number(self.losses[i]), number(self.smoothed[i])) for i in shown
        ]
        lines = table(("learning rate", "loss", "smoothed"), rows, left=0)
        end = f"{self.rates[-1]:.3g}"
        lines += [
            "",
            f"the loss diverged at {end}" if self.diverged else f"no divergence up to {end}",
        ]
        if self.suggestion is None:
            return "\n".join(
                [
                    *lines,
                    "the loss falls at no rate by more than its noise: try larger batches or more "
                    "steps, or see dl.overfit_one_batch",
                ]
            )
        return "\n".join([
            *lines,
            f"steepest descent at {number(self.steepest)}",
            f"a tenth of the rate of the lowest loss: {number(self.tenth_of_lowest)}",
            f"suggestion: {self.suggestion:.2g}",
        ])  # fmt: skip

    def plot(self, path: str | Path) -> None:
        """Draw the curve and the suggestions into a file: .png, .svg or .pdf. Needs matplotlib."""
        from polydl.diagnostics.plot import plot_learning_rates

        plot_learning_rates(self, Path(path))


def find_lr(
    net: Net,
    training: Training,
    data: Any,
    *,
    lowest: float = 1e-7,
    highest: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.9,
) -> LearningRateCurve:
    """Train a copy while the learning rate rises, update by update, and see what the loss does.

    The range test of Smith (2015), with fastai's exponential rise: the rate of update i (from 0) is
    lowest (highest / lowest)^(i / (steps - 1)). All else, batches included, is as `training` says;
    data, arrays or batches as `fit` takes them, are gone through again where they are fewer. The net
    and its optimizer stay as they are.
    The losses are smoothed: an average with weights smoothing^age, that is begun without bias. The
    run ends where the smoothed loss is not finite, or has risen above its lowest, by three times that
    and by three quarters of what it had fallen.
    """
    check_net(net, "find_lr")
    training = check_training(training, "find_lr")
    _check(lowest, highest, steps, smoothing)
    optimizer = copies.copy(training.optimizer)
    if not hasattr(optimizer, "learning_rate"):
        raise DefinitionError(f"dl.find_lr: {type(optimizer).__name__} has no learning_rate")
    optimizer.learning_rate = ExponentialDecay(lowest, steps - 1, highest / lowest)
    settled, batches = batches_of(net, training, data)
    rising = replace(settled, optimizer=optimizer, epochs=1, augment=training.augment)
    trained, losses = copy_of(net), np.zeros(0)
    diverged = False
    for part in _parts(batches, steps):
        given = [as_data(net, settled, *batch) for batch in part]
        run = trained.fit(rising, given, progress=False, check_finite=False)
        losses = np.concatenate([losses, run.steps])
        diverged = end(losses, smoothing) is not None
        if diverged:
            break
    losses = losses[: end(losses, smoothing)]
    rates = lowest * (highest / lowest) ** (np.arange(len(losses)) / (steps - 1))
    return LearningRateCurve(rates, losses, smooth(losses, smoothing), diverged, smoothing)


def _check(lowest: float, highest: float, steps: int, smoothing: float) -> None:
    numbers = all(
        isinstance(v, (int, float)) and not isinstance(v, bool)
        for v in (lowest, highest, smoothing)
    )
    if not (numbers and 0 < lowest < highest < np.inf):
        raise DefinitionError(
            f"dl.find_lr: rates go from `lowest`, above 0, up to `highest`; got {lowest!r} and "
            f"{highest!r}"
        )
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 20:
        raise DefinitionError(f"dl.find_lr: steps must be an integer of 20 or more, got {steps!r}")
    if not 0 <= smoothing < 1:
        raise DefinitionError(f"dl.find_lr: smoothing must be in [0, 1), got {smoothing!r}")


def _parts(batches: Callable[[int], Iterator[Data]], steps: int) -> Iterator[list[Data]]:
    """Some updates' batches at a time, epoch after epoch."""
    every = itertools.chain.from_iterable(batches(epoch) for epoch in itertools.count())
    while part := list(itertools.islice(every, min(_PART, steps))):
        yield part
        steps -= len(part)


def smooth(losses: np.ndarray, smoothing: float) -> np.ndarray:
    """The running average with weights smoothing^age, divided by the sum of its weights."""
    average, weight = 0.0, 0.0
    found = np.empty_like(losses)
    for i, loss in enumerate(losses):
        average = smoothing * average + (1 - smoothing) * loss
        weight = smoothing * weight + (1 - smoothing)
        found[i] = average / weight
    return found


def end(losses: np.ndarray, smoothing: float) -> int | None:
    """How many losses there are before divergence; None where there is none."""
    with np.errstate(invalid="ignore"):
        return _end(losses, smooth(losses, smoothing))


def _end(losses: np.ndarray, smoothed: np.ndarray) -> int | None:
    least = np.minimum.accumulate(np.where(np.isfinite(smoothed), smoothed, np.inf))
    room = np.maximum(3.0 * abs(least), 0.75 * (smoothed[0] - least))
    beyond = (smoothed > least + room) & (np.arange(len(losses)) >= _SETTLED)
    beyond |= ~np.isfinite(losses)
    return int(np.argmax(beyond)) if beyond.any() else None
