"""Losses of vectors that should point the same way, or lie near each other."""

from __future__ import annotations

from polydl import ops
from polydl.errors import ShapeError
from polydl.functions.probabilities import log_softmax
from polydl.losses.common import normalized
from polydl.losses.loss import Loss
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class CosineSimilarity(Loss):
    """1 - cos(outputs, targets) along the last axis; a length below epsilon counts as epsilon.

    torch: F.cosine_embedding_loss of labels 1. optax: cosine_distance. Keras' CosineSimilarity is
    -cos: 1 less.
    """

    epsilon: float = 1e-8
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.epsilon > 0, f"epsilon must be above 0, got {self.epsilon!r}")

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        a, b = normalized(outputs, self.epsilon), normalized(targets, self.epsilon)
        return 1.0 - ops.sum(a * b, -1)


def _stacked(outputs: Tensor, names: str) -> list[Tensor]:
    """The vectors of each sample, one after the other along axis 1."""
    count = len(names.split())
    if outputs.ndim != 3 or outputs.shape[1] != count:
        raise ShapeError(
            f"outputs are {outputs!r}; they must be (batch, {count}, features): {names}, joined "
            "with dl.ops.concatenate along a new axis 1"
        )
    return [outputs[:, i] for i in range(count)]


@builtin()
class TripletMargin(Loss):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) (Schroff et al. 2015).

    outputs: (batch, 3, features), the vectors of anchor, positive and negative; there are no targets:
    give `fit` (inputs, None). d(a, b) is the p-norm of a - b + epsilon, as in torch's
    F.triplet_margin_loss; optax adds epsilon to the sum inside the root. swap: d(positive, negative)
    stands for d(anchor, negative) where it is smaller (Balntas et al. 2016). The derivative at the
    margin is that inside, as in torch.
    """

    margin: float = 1.0
    p: float = 2.0
    epsilon: float = 1e-6
    swap: bool = False
    reduction: str = "mean"
    target_dtype = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.margin > 0, f"margin must be above 0, got {self.margin!r}")
        self.require(self.p >= 1, f"p must be 1 or more, got {self.p!r}")
        self.require(self.epsilon >= 0, f"epsilon must be 0 or more, got {self.epsilon!r}")

    def values(self, outputs: Tensor, targets: None = None) -> Tensor:
        anchor, positive, negative = _stacked(outputs, "anchor positive negative")
        near, far = self._distance(anchor, positive), self._distance(anchor, negative)
        if self.swap:
            far = ops.minimum(far, self._distance(positive, negative))
        short = near - far + self.margin
        return ops.where(short < 0.0, 0.0, short)

    def _distance(self, a: Tensor, b: Tensor) -> Tensor:
        difference = a - b + self.epsilon
        if self.p == 2:
            return ops.sqrt(ops.sum(difference * difference, -1))
        if self.p == 1:
            return ops.sum(abs(difference), -1)
        return ops.sum(abs(difference) ** self.p, -1) ** (1.0 / self.p)


@builtin()
class Contrastive(Loss):
    """InfoNCE: -log of the softmax of a pair's similarity among those of its negatives.

    outputs: (batch, 2, features), two views of each sample; there are no targets: give `fit`
    (inputs, None). Similarities are cosines divided by `temperature`. negatives="other": the other
    view of all other samples (van den Oord et al. 2018); symmetric: the mean of both directions, as
    in CLIP. negatives="both": both views of all other samples, in both directions, as in SimCLR's
    NT-Xent. A sample's negatives are those of its batch.
    """

    temperature: float = 0.07
    negatives: str = "other"
    symmetric: bool = True
    epsilon: float = 1e-8
    reduction: str = "mean"
    target_dtype = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_one_of("negatives", ("other", "both"))
        good = self.temperature > 0
        self.require(good, f"temperature must be above 0, got {self.temperature!r}")
        self.require(self.epsilon > 0, f"epsilon must be above 0, got {self.epsilon!r}")
        self.require(self.symmetric or self.negatives == "other",
                     'negatives="both" go in both directions: symmetric must be True')  # fmt: skip

    def values(self, outputs: Tensor, targets: None = None) -> Tensor:
        first, second = _stacked(normalized(outputs, self.epsilon), "first second")
        forth = self._lost(first, second)
        return 0.5 * (forth + self._lost(second, first)) if self.symmetric else forth

    def _lost(self, a: Tensor, b: Tensor) -> Tensor:
        """Cross-entropy of each a among all b, whose own is at the same place."""
        position = ops.arange(a.shape[0])
        logits = a @ ops.transpose(b) / self.temperature
        if self.negatives == "both":
            own = a @ ops.transpose(a) / self.temperature
            same = position[:, None] == position[None]
            logits = ops.concatenate([logits, ops.where(same, float("-inf"), own)], -1)
        picked = ops.take_along_axis(log_softmax(logits), position[:, None], -1)
        return -picked[:, 0]
