from __future__ import annotations

import numpy as np

from polydl.augment.augmentation import Augmentation
from polydl.errors import DataError
from polydl.spec.registry import builtin


def color_jitter(rng, images, targets, *, brightness, contrast, saturation, hue, bounds):
    """Each image's brightness, contrast, saturation and hue changed, in this order."""
    shape, dtype = (len(images), 1, 1, 1), images.dtype
    weights = np.array([0.299, 0.587, 0.114], dtype)  # of red, green, blue: BT.601
    if brightness:
        factors = rng.uniform(1 - brightness, 1 + brightness, shape).astype(dtype)
        images = factors * images
    if contrast:
        factors = rng.uniform(1 - contrast, 1 + contrast, shape).astype(dtype)
        gray = images @ weights[:, None] if images.shape[-1] == 3 else images
        mean = gray.mean(axis=(1, 2, 3), keepdims=True)
        images = mean + factors * (images - mean)
    if saturation:
        factors = rng.uniform(1 - saturation, 1 + saturation, shape).astype(dtype)
        gray = images @ weights[:, None]
        images = gray + factors * (images - gray)
    if hue:
        turns = 2 * np.pi * rng.uniform(-hue, hue, len(images))
        to_yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
        turned = np.zeros((len(images), 3, 3))
        turned[:, 0, 0] = 1
        turned[:, 1, 1] = turned[:, 2, 2] = np.cos(turns)
        turned[:, 2, 1] = np.sin(turns)
        turned[:, 1, 2] = -turned[:, 2, 1]
        matrices = np.linalg.inv(to_yiq) @ turned @ to_yiq
        images = np.einsum("nhwc,ndc->nhwd", images, matrices.astype(dtype))
    return images if bounds is None else np.clip(images, *bounds), targets


@builtin()
class ColorJitter(Augmentation):
    """Brightness, contrast, saturation and hue of each image, changed by factors of its own.

    Factors f are drawn evenly from [1 - setting, 1 + setting], in this order:

        brightness   f x
        contrast     m + f (x - m), m being the mean of the image's gray
        saturation   g + f (x - g), g being each pixel's gray: 0.299 R + 0.587 G + 0.114 B
        hue          the colour plane of YIQ turned by up to `hue` of a whole turn

    Saturation and hue need three channels. bounds: values are clipped to them in the end, (0, 1) for
    instance; None leaves them. 0 leaves a property as it is. torchvision's ColorJitter draws the
    order too, clips after each change, and turns the hue in HSV, up to half a turn.
    """

    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.0
    hue: float = 0.0
    bounds: tuple[float, float] | None = None

    functions = (color_jitter,)

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            value = getattr(self, name)
            self.require(0 <= value <= 1, f"{name} must be from 0 to 1", value)
        self.require(0 <= self.hue <= 0.5, "hue must be from 0 to 0.5", self.hue)
        if self.bounds is not None:
            good = isinstance(self.bounds, (tuple, list)) and len(self.bounds) == 2
            good = good and self.bounds[0] < self.bounds[1]
            self.require(good, "bounds must be (low, high)", self.bounds)
            self.bounds = (float(self.bounds[0]), float(self.bounds[1]))

    def check(self, images: np.ndarray, targets: np.ndarray | None) -> None:
        super().check(images, targets)
        if (self.saturation or self.hue) and images.shape[-1] != 3:
            raise DataError(
                "ColorJitter: saturation and hue need images of three channels, red, green and "
                f"blue, got the shape {images.shape}"
            )
