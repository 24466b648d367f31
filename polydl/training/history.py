"""What a training run leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from polydl.errors import DefinitionError, nearest

Scores = dict[str, Any]  # numbers, or nested lists of them


def scores_text(scores: Scores) -> str:
    """Scores that are numbers, in a line."""
    return "  ".join(f"{name} {value:.4f}" for name, value in numbers(scores).items())


def numbers(scores: Scores) -> dict[str, float]:
    """Scores that are numbers: not matrices, nor one for each class."""
    return {name: value for name, value in scores.items() if not isinstance(value, list)}


@dataclass
class History:
    """steps: the loss of every step. epochs: per epoch, loss and metrics (and val_... of them).

    Scores are numbers, and nested lists of them for metrics that give arrays.

    interrupted: whether Ctrl-C ended the run; what was learnt until then is kept. stopped: why a
    callback ended it, or "".

    history["val_loss"]: a score by epoch, of those in `keys()`.
    """

    steps: np.ndarray = field(default_factory=lambda: np.zeros(0))
    epochs: list[Scores] = field(default_factory=list)
    interrupted: bool = False
    stopped: str = ""

    def add(self, losses: np.ndarray, scores: Scores) -> None:
        """One more epoch: the loss of each step, and the averages."""
        self.steps = np.concatenate([self.steps, losses])
        self.epochs.append(scores)

    def keys(self) -> list[str]:
        """Names of the scores."""
        return list(dict.fromkeys(name for scores in self.epochs for name in scores))

    def __getitem__(self, name: str) -> list[Any]:
        """A score by epoch; None for an epoch that has none, as one before there was validation."""
        if name not in self.keys():
            known = nearest(str(name), self.keys()) if self.epochs else "No epoch came to its end"
            raise DefinitionError(f"history[{name!r}]: there is no such score. {known}")
        return [scores.get(name) for scores in self.epochs]

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __repr__(self) -> str:
        return f"History({'; '.join(self._said())})"

    def _said(self) -> Iterator[str]:
        yield f"{_counted(len(self.epochs), 'epoch')}, {_counted(len(self.steps), 'step')}"
        if self.epochs:
            first, last = numbers(self.epochs[0]), numbers(self.epochs[-1])
            way = [
                f"{name} {first[name]:.4g} to {value:.4g}"
                if len(self.epochs) > 1 and name in first
                else f"{name} {value:.4g}"
                for name, value in last.items()
            ]
            yield ", ".join(way)
        if self.interrupted:
            yield "interrupted"
        if self.stopped:
            yield f"stopped: {self.stopped}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
