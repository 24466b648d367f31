"""What a training run leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
    """

    steps: np.ndarray = field(default_factory=lambda: np.zeros(0))
    epochs: list[Scores] = field(default_factory=list)
    interrupted: bool = False
    stopped: str = ""

    def add(self, losses: np.ndarray, scores: Scores) -> None:
        """One more epoch: the loss of each step, and the averages."""
        self.steps = np.concatenate([self.steps, losses])
        self.epochs.append(scores)
