"""What a training run leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class History:
    """steps: the loss of every step. epochs: per epoch, loss and metrics (and val_... of them).

    interrupted: whether the run was stopped before its end; what was learnt until then is kept.
    """

    steps: np.ndarray = field(default_factory=lambda: np.zeros(0))
    epochs: list[dict[str, float]] = field(default_factory=list)
    interrupted: bool = False

    def add(self, losses: np.ndarray, scores: dict[str, float]) -> None:
        """One more epoch: the loss of each step, and the averages."""
        self.steps = np.concatenate([self.steps, losses])
        self.epochs.append(scores)
