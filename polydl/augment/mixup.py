from __future__ import annotations

from polydl.augment.mixing import Mixing
from polydl.augment.targets import mixed
from polydl.spec.registry import builtin


def mixup(rng, images, targets, *, alpha):
    """Each sample mixed with another of the batch, and its target likewise."""
    shares = rng.beta(alpha, alpha, len(images))
    others = rng.permutation(len(images))
    images = mixed(shares, images, images[others])
    return images, mixed(shares, targets, targets[others])


@builtin()
class Mixup(Mixing):
    """λ x_i + (1 - λ) x_j, and λ y_i + (1 - λ) y_j (Zhang et al. 2018).

    λ is drawn from Beta(alpha, alpha) for each sample, and its partner j by a permutation of the
    batch, as in Keras' MixUp; torchvision's draws one λ for a batch, and j is the sample before.
    Inputs may have any shape. classes: integer labels become one-hot of so many classes; other
    targets must be numbers that can be mixed. The loss takes soft targets:
    dl.CrossEntropy("probabilities"), dl.BinaryCrossEntropy() or dl.MSE().
    """

    alpha: float = 0.2
    classes: int | None = None

    functions = (mixed, mixup)
    rank = None
