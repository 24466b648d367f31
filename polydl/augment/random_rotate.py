from __future__ import annotations

import numpy as np

from polydl.augment.augmentation import Augmentation
from polydl.errors import DefinitionError, nearest
from polydl.spec.registry import builtin

BORDERS = ("constant", "edge")


def random_rotate(rng, images, targets, *, degrees, border, fill):
    """Each image turned about its centre by a random angle, between pixels bilinearly."""
    count, height, width = images.shape[:3]
    angles = np.deg2rad(rng.uniform(-degrees, degrees, (count, 1, 1)))
    y = np.arange(height)[:, None] - (height - 1) / 2
    x = np.arange(width) - (width - 1) / 2
    rows = y * np.cos(angles) + x * np.sin(angles) + (height - 1) / 2
    columns = x * np.cos(angles) - y * np.sin(angles) + (width - 1) / 2
    samples = np.arange(count)[:, None, None]
    if border == "constant":
        sides = ((0, 0), (1, 1), (1, 1), (0, 0))
        images = np.pad(images, sides, constant_values=fill)
        rows, columns = np.clip(rows, -1, height) + 1, np.clip(columns, -1, width) + 1
    else:
        rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    top = np.minimum(rows.astype(int), images.shape[1] - 2)
    left = np.minimum(columns.astype(int), images.shape[2] - 2)
    down = (rows - top)[..., None].astype(images.dtype)
    right = (columns - left)[..., None].astype(images.dtype)
    values = 0
    for row, height_share in ((top, 1 - down), (top + 1, down)):
        for column, width_share in ((left, 1 - right), (left + 1, right)):
            values = values + height_share * width_share * images[samples, row, column]
    return values, targets


@builtin()
class RandomRotate(Augmentation):
    """Each image is turned about its centre by an angle drawn evenly from [-degrees, degrees].

    A pixel comes from where it was before, between pixels bilinearly. border: what is beyond the
    image: "constant" is `fill`, begun at one pixel's distance from the edge, "edge" the nearest
    pixel. Targets stay as they are.
    """

    degrees: float = 15.0
    border: str = "constant"
    fill: float = 0.0

    functions = (random_rotate,)

    def __post_init__(self) -> None:
        self.require(0 < self.degrees <= 180, "degrees must be above 0, up to 180", self.degrees)
        if self.border not in BORDERS:
            raise DefinitionError(
                f"RandomRotate: there is no border {self.border!r}. "
                f"{nearest(self.border, list(BORDERS))}"
            )

    def check(self, images: np.ndarray, targets: np.ndarray | None) -> None:
        super().check(images, targets)
        self.require(min(images.shape[1:3]) > 1, "images must have 2 pixels a side", images.shape)
