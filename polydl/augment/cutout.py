from __future__ import annotations

import numpy as np

from polydl.augment.augmentation import Augmentation
from polydl.layers.checks import require_positive
from polydl.spec.registry import builtin


def cutout(rng, images, targets, *, size, fill, rate):
    """A square of each image replaced, at a rate; part of it may lie outside."""
    count, height, width = images.shape[:3]
    chosen = rng.random(count) < rate
    top = rng.integers(0, height, count)[:, None] - size // 2
    left = rng.integers(0, width, count)[:, None] - size // 2
    rows, columns = np.arange(height), np.arange(width)
    inside_rows = (rows >= top) & (rows < top + size) & chosen[:, None]
    inside_columns = (columns >= left) & (columns < left + size)
    inside = inside_rows[:, :, None] & inside_columns[:, None, :]
    return np.where(inside[..., None], images.dtype.type(fill), images), targets


@builtin()
class Cutout(Augmentation):
    """A square of size x size pixels of each image becomes `fill`, with probability `rate`.

    Its centre may be any pixel, so that part of it may lie outside (DeVries and Taylor 2017).
    """

    size: int = 8
    fill: float = 0.0
    rate: float = 1.0

    functions = (cutout,)

    def __post_init__(self) -> None:
        require_positive("Cutout", size=self.size)
        self.require_rate(self.rate)
