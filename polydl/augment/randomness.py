"""Random numbers of augmentations, keyed by where in the run they are drawn."""

from __future__ import annotations

import numpy as np


def generator(seed: int, epoch: int, batch: int) -> np.random.Generator:
    """The generator of one batch, epoch and batch counted from 0.

    Philox has 2^128 numbers for each key (seed, epoch) and upper half of its counter, which is
    (batch, 1) here and (0, 0) where the order of samples is drawn: no two streams meet.
    """
    return np.random.Generator(np.random.Philox(counter=[0, 0, batch, 1], key=[seed, epoch]))
