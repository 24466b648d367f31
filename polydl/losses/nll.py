from __future__ import annotations

from polydl.losses.labels import LabelLoss
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class NLL(LabelLoss):
    """-outputs[label], outputs being log-probabilities (..., classes), as log_softmax gives them.

    targets: integers (...). class_weights, ignore_index and "weighted_mean" as for CrossEntropy,
    which is this after log_softmax. torch: F.nll_loss.
    """

    class_weights: tuple[float, ...] | None = None
    ignore_index: int | None = None
    reduction: str = "mean"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.kept(-self.picked(self.weighted(outputs), targets), targets)
