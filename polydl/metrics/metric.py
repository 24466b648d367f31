from __future__ import annotations

from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


class Metric(Module):
    """A Module of (outputs, targets) that gives one number: the mean over samples.

    Over an epoch, batches are weighted by their size. `name` is its key in the history.
    """

    name: str = "metric"

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        raise NotImplementedError
