from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from polydl.errors import DefinitionError, DTypeError, ShapeError, nearest
from polydl.program.sizes import Shape
from polydl.spec.checked import Checked
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor

Combine = Literal["mean", "sum", "concatenate"]
COMBINE = ("mean", "sum", "concatenate")


class Metric(Checked, Module):
    """A Module of (outputs, targets): what a batch contributes to a score of all samples.

    `__call__`, in primitives, gives a batch's contribution, and `combine` says what becomes of those of
    an epoch, on the host, in float64:

        "mean"         one number: their mean, each batch weighted by its number of samples
        "sum"          an array of a fixed shape, such as counts: their sum
        "concatenate"  an array (n, ...), such as a score for each sample: all of them, in order

    `result` makes the score of that: a number or an array. It is a plain function in NumPy, and its
    text stands in the training program: it uses `np`, its arguments, and nothing else. Its arguments
    after the first are attributes of the metric, by name. None: what was combined is the score.

        class Bias(dl.Metric):
            name, combine = "bias", "sum"

            def __call__(self, outputs, targets):
                return dl.ops.stack([dl.ops.sum(outputs), dl.ops.sum(targets)])

            @staticmethod
            def result(total):
                return total[0] / total[1]

    Targets are as the loss takes them: integers (labels) where it takes those, to be made floats with
    .astype("float") for such a sum. Settings are attributes that any __init__, or a dataclass, sets.

    `better`: whether a score is better where it is smaller ("min") or larger ("max"), for callbacks
    that watch it. `name` is its key in the history, where arrays are nested lists. Sample weights
    count for losses only; a metric counts every sample once.
    """

    name: str = "metric"
    combine: Combine = "mean"
    better: Literal["min", "max"] | None = None
    result: Callable[..., Any] | None = None

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        raise NotImplementedError

    def score(self, contributions: Sequence[Any], sizes: Sequence[int]) -> Any:
        """The score, of what batches of these sizes contribute, as a training program makes it."""
        arrays = [np.asarray(given, np.float64) for given in contributions]
        combined = {
            "mean": lambda: np.average(arrays, axis=0, weights=sizes),
            "sum": lambda: np.sum(arrays, axis=0),
            "concatenate": lambda: np.concatenate(arrays),
        }[self.combine]()
        if self.result is None:
            return combined
        return self.result(combined, **{name: getattr(self, name) for name in self.settings()})

    def settings(self) -> tuple[str, ...]:
        """Names of the attributes that `result` takes."""
        if self.result is None:
            return ()
        code = self.result.__code__
        return code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]

    def contribution_shape(self, shape: Shape) -> tuple[int, ...]:
        """The fixed part of a contribution's shape; ShapeError unless `combine` can take it."""
        if self.combine not in COMBINE:
            raise DefinitionError(
                f"{type(self).__name__}: there is no combine={self.combine!r}. "
                f"{nearest(str(self.combine), list(COMBINE))}"
            )
        what = {
            "mean": "one number",
            "sum": "an array of a fixed shape",
            "concatenate": "an array of one axis or more, all but the first of a fixed size",
        }[self.combine]
        fixed = shape[1:] if self.combine == "concatenate" else shape
        good = {"mean": not shape, "concatenate": bool(shape)}.get(self.combine, True)
        if not good or not all(isinstance(size, int) for size in fixed):
            raise ShapeError(
                f"{type(self).__name__}: combine={self.combine!r} takes {what} for a batch, got the "
                f"shape {tuple(shape)}"
            )
        return tuple(size for size in fixed if isinstance(size, int))

    def classes(self, outputs: Tensor) -> int:
        """The size of the last axis, which must be known."""
        size = outputs.shape[-1]
        if not isinstance(size, int):
            raise ShapeError(
                f"{type(self).__name__} counts classes, the last axis of the outputs, whose size "
                f"must be known; got outputs of shape {tuple(outputs.shape)}"
            )
        return size

    def require_shapes(self, holds: bool, outputs: Tensor, targets: Tensor, wanted: str) -> None:
        """Raise ShapeError, with both shapes, unless they are such as the metric takes.

        It is called while the metric is traced, which says whose error it is.
        """
        if not holds:
            raise ShapeError(
                f"it takes {wanted}; got outputs of shape "
                f"{tuple(outputs.shape)} and {targets.dtype} targets of shape {tuple(targets.shape)}"
            )

    def require_float(self, outputs: Tensor) -> None:
        """Raise DTypeError for outputs that are no floats."""
        if outputs.dtype != "float":
            raise DTypeError(f"{type(self).__name__} takes float outputs, got {outputs!r}")
