"""What runs of EarlyStopping and ReduceLROnPlateau in one run of an emitted program."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import numpy as np

from polydl.training.callback_text import restoring, watching
from polydl.training.preparation import Prepared
from polydl.training.run import Run

_AVERAGE = "average:"


class ProgramCallbacks:
    """Instances of the program's classes, made anew for each run, by their names in `fit`.

    Their state, plain data, and the weights of the best epoch, which are arrays, are what a run that
    resumes gives them back before it goes on.
    """

    def __init__(self, run: Run, prepared: Prepared):
        training = run.training
        self.run, self.prepared, self.found = run, prepared, watching(training)
        self.restoring = restoring(training)
        self.instances: dict[str, Any] = {
            name: getattr(prepared.module, c.runs.__name__)(**c.arguments(training))
            for name, c in self.found.items()
        }
        self.first, self.scales = prepared.epochs, [self._scales()]
        self.told = prepared.steps - 1
        self.factors: list[tuple[int, float]] = []  # from which step on

    def rate_factor(self, step: int) -> float:
        """What a user's callbacks multiply the rate of a step by, or did when it was made before."""
        if step <= self.told:
            return self.factors[bisect_right(self.factors, step, key=lambda one: one[0]) - 1][1]
        self.told, factor = step, self.run.rate_factor
        if not self.factors or self.factors[-1][1] != factor:
            self.factors.append((step, factor))
        return factor

    def note(self) -> None:
        """At an epoch's end: whether the run stops, and what scales the rate if it is made again."""
        self.scales.append(self._scales())
        self._tell()

    def _tell(self) -> None:
        for name, callback in self.found.items():
            one = self.instances[name]
            if hasattr(one, "stops") and one.stops():
                after = "" if one.best_epoch is None else f" since epoch {one.best_epoch + 1}"
                self.run.stop(f"{type(callback).__name__}: {one.monitor} has not improved{after}")

    def _scales(self) -> dict[str, float]:
        return {name: getattr(one, "scale", 1.0) for name, one in self.instances.items()}

    def again(self, epoch: int) -> dict[str, Any]:
        """In the instances' place, for a run from this epoch on that goes as the run before."""
        scales = self.scales[epoch - self.first :]
        return {name: _Again([s[name] for s in scales], self.found[name]) for name in self.found}

    def states(self) -> dict[str, dict[str, Any]]:
        """By name in `fit`, as plain data."""
        states = {
            name: {kept: getattr(self.instances[name], kept) for kept in callback.kept}
            for name, callback in self.found.items()
        }
        return {**states, "run": {"rate_factor": self.run.rate_factor}}

    def load_states(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Those that are there: what a run goes on with may be other callbacks."""
        for name, callback in self.found.items():
            for kept in callback.kept:
                if kept in states.get(name, {}):
                    setattr(self.instances[name], kept, states[name][kept])
        self.first, self.scales = self.prepared.epochs, [self._scales()]
        self.run.restore_rate_factor(states.get("run", {}).get("rate_factor", 1.0))
        self._tell()

    def best_weights(self) -> dict[str, np.ndarray]:
        """By canonical path, and their averages; none where none are kept. The Trainer must have
        finished."""
        if self.restoring is None or self.instances[self.restoring].weights is None:
            return {}
        trainer, model = self.prepared.trainer, self.prepared.model
        now = trainer.snapshot()
        trainer.restore(self.instances[self.restoring].weights)
        found = model.get_weights()
        if self.run.training.average is not None:
            averages = self.prepared.state.averages()
            found |= {f"{_AVERAGE}{path}": value for path, value in averages.items()}
        trainer.restore(now)
        return found

    def set_best_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Give back what best_weights gave. The Trainer must have finished."""
        if self.restoring is None or not weights:
            return
        trainer, model = self.prepared.trainer, self.prepared.model
        now = trainer.snapshot()
        model.set_weights({p: v for p, v in weights.items() if not p.startswith(_AVERAGE)})
        if self.run.training.average is not None:
            averages = {p.removeprefix(_AVERAGE): v for p, v in weights.items() if ":" in p}
            self.prepared.state.set_averages(averages)
        self.instances[self.restoring].weights = trainer.snapshot()
        trainer.restore(now)


class _Again:
    """Stands for a callback where a run is made again: decides nothing, scales as it did."""

    weights = None

    def __init__(self, scales: list[float], callback: Any):
        self.scales, self.lowest = scales, getattr(callback, "lowest", 0.0)

    def improved(self, epoch: int, scores: Any) -> bool:
        return False

    def stops(self) -> bool:
        return False

    def after_epoch(self, scores: Any) -> None:
        self.scales = self.scales[1:]

    def rate(self, learning_rate: float) -> float:
        return max(learning_rate * self.scales[0], min(learning_rate, self.lowest))
