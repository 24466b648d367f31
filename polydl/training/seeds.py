"""The seeds of the frameworks' own generators."""

from __future__ import annotations

import numpy as np

from polydl.training.settings import Training


def native_seed(training: Training, epoch: int) -> int:
    """What a framework's generator begins from, where a fit begins with this epoch."""
    (word,) = np.random.SeedSequence([training.seed, epoch]).generate_state(1)
    return int(word & 0x7FFFFFFF)
