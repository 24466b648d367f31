from __future__ import annotations

import numpy as np

from polydl.augment.mixing import Mixing
from polydl.augment.targets import mixed
from polydl.spec.registry import builtin


def cutmix(rng, images, targets, *, alpha):
    """A box of each image replaced by another's, and its target mixed by their areas."""
    count, height, width = images.shape[:3]
    side = np.sqrt(1 - rng.beta(alpha, alpha, count))  # of the box, to the image's
    others = rng.permutation(count)
    inside = []
    for length in (height, width):
        centre, half = rng.integers(0, length, count), (side * length).astype(int) // 2
        pixels = np.arange(length)
        low, high = (centre - half)[:, None], (centre + half)[:, None]
        inside.append((pixels >= low) & (pixels < high))
    box = inside[0][:, :, None] & inside[1][:, None, :]
    shares = 1 - box.mean(axis=(1, 2))
    images = np.where(box[..., None], images[others], images)
    return images, mixed(shares, targets, targets[others])


@builtin()
class CutMix(Mixing):
    """A box of each image comes from another image of the batch (Yun et al. 2019).

    The box has 1 - λ of the area, λ drawn from Beta(alpha, alpha) for each sample, and its centre may
    be any pixel; what lies outside is cut off, and λ becomes the share of pixels that are left. The
    target is λ y_i + (1 - λ) y_j, as in Mixup, whose `classes` and losses apply here too.
    torchvision's and the authors' CutMix draw one box for a batch.
    """

    alpha: float = 1.0
    classes: int | None = None

    functions = (mixed, cutmix)
