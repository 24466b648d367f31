from __future__ import annotations

import numpy as np

from polydl.augment.augmentation import Augmentation
from polydl.errors import DataError
from polydl.layers.checks import integers
from polydl.spec.registry import builtin


def random_flip(rng, images, targets, *, axes, rate, masks):
    """Each sample reversed along each of the axes, at a rate, and its mask likewise."""
    for axis in axes:
        flipped = rng.random(len(images)) < rate
        images, targets = images.copy(), targets.copy() if masks else targets
        images[flipped] = np.flip(images[flipped], axis)
        if masks:
            targets[flipped] = np.flip(targets[flipped], axis)
    return images, targets


@builtin()
class RandomFlip(Augmentation):
    """Each sample is reversed along each of `axes`, independently, with probability `rate`.

    axes are of the batch, which has axis 0: 2 is an image's width, so that (2,) mirrors left and
    right, and (1,) top and bottom. masks: targets are images of the same height and width
    (segmentation), and are reversed with them. Any number of axes.
    """

    axes: tuple[int, ...] = (2,)
    rate: float = 0.5
    masks: bool = False

    functions = (random_flip,)
    rank = None

    def __post_init__(self) -> None:
        self.axes = integers("RandomFlip", axes=self.axes)
        good = bool(self.axes) and min(self.axes) > 0 and len(set(self.axes)) == len(self.axes)
        self.require(good, "axes must be different axes of the batch, from 1 on", self.axes)
        self.require_rate(self.rate)

    def check(self, images: np.ndarray, targets: np.ndarray | None) -> None:
        super().check(images, targets)
        for name, array in (("images", images), *([("targets", targets)] if self.masks else [])):
            if array is None or array.ndim <= max(self.axes):
                shape = None if array is None else array.shape
                raise DataError(f"RandomFlip: axes {self.axes} of {name} of the shape {shape}")
