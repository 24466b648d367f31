from __future__ import annotations

import numpy as np

from polydl.augment.augmentation import Augmentation
from polydl.errors import DataError, DefinitionError, nearest
from polydl.layers.checks import require_positive
from polydl.spec.registry import builtin

BORDERS = ("constant", "edge", "reflect")


def random_crop(rng, images, targets, *, padding, border, fill, masks):
    """Each sample moved by up to `padding` pixels, and its mask likewise."""
    count, height, width = images.shape[:3]
    offsets = rng.integers(0, 2 * padding + 1, (2, count))
    rows = offsets[0, :, None, None] + np.arange(height)[:, None]
    columns = offsets[1, :, None, None] + np.arange(width)
    samples = np.arange(count)[:, None, None]

    def cropped(x, value):
        side = (padding, padding)
        sides = [(0, 0), side, side, *[(0, 0)] * (x.ndim - 3)]
        filled = {"constant_values": value} if border == "constant" else {}
        return np.pad(x, sides, border, **filled)[samples, rows, columns]

    return cropped(images, fill), cropped(targets, 0) if masks else targets


@builtin()
class RandomCrop(Augmentation):
    """Pads each image by `padding` pixels on every side, and cuts one of its old size out anywhere.

    The (2 padding + 1)^2 places are equally likely (He et al. 2016, section 4.2, with padding 4).
    border: what is padded: "constant" is `fill`, "edge" the nearest pixel, "reflect" the image
    mirrored at its edge pixels. masks: targets are images of the same height and width
    (segmentation), which are padded, with 0 for `fill`, and cut in the same way.
    """

    padding: int = 4
    border: str = "constant"
    fill: float = 0.0
    masks: bool = False

    functions = (random_crop,)

    def __post_init__(self) -> None:
        require_positive("RandomCrop", padding=self.padding)
        if self.border not in BORDERS:
            raise DefinitionError(
                f"RandomCrop: there is no border {self.border!r}. "
                f"{nearest(self.border, list(BORDERS))}"
            )

    def check(self, images: np.ndarray, targets: np.ndarray | None) -> None:
        super().check(images, targets)
        sizes = images.shape[1:3]
        if self.border == "reflect" and min(sizes) <= self.padding:
            raise DataError(
                f"RandomCrop: images of {sizes} pixels cannot be mirrored by {self.padding}"
            )
        if self.masks and (targets is None or targets.shape[1:3] != sizes):
            shape = None if targets is None else targets.shape
            raise DataError(f"RandomCrop: masks of the shape {shape} for images {images.shape}")
