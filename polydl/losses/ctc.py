from __future__ import annotations

from typing import Any

import numpy as np

from polydl import ops
from polydl.errors import DataError, ShapeError
from polydl.functions.probabilities import log_softmax
from polydl.losses.loss import Loss
from polydl.program.sizes import Size
from polydl.spec.regions import scan
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor

_NEVER = float("-inf")  # the logarithm of a probability of 0


@builtin()
class CTC(Loss):
    """-log of the probability of the labels, by all their alignments (Graves et al. 2006).

    outputs: logits (batch, time, classes). targets: integers (batch, labels), each row filled up with
    `padding`, which is no class. An alignment names a class a step; without repetitions, and then
    without `blank`, it gives the labels. Every step counts: to end sooner, a model gives the steps that
    are left a large logit at blank.

    per_label: each sample's loss is divided by its number of labels, as in torch's own "mean", which
    is otherwise Keras' and optax' mean of samples. Labels that do not fit into the steps have the
    loss inf, as in torch; optax has about 1e5.

    torch: F.ctc_loss, of log-probabilities (time, batch, classes). optax: ctc_loss. Keras:
    ops.ctc_loss, which TensorFlow computes in float32 whatever it is given.
    """

    blank: int = 0
    padding: int = -1
    per_label: bool = False
    reduction: str = "mean"
    target_dtype = "int"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.blank >= 0, f"blank must be 0 or more, got {self.blank!r}")
        self.require(self.padding < 0 or self.padding == self.blank,
                     f"padding must be negative, or blank, got {self.padding!r}")  # fmt: skip

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        present = targets != self.padding
        states = self._with_blanks(ops.where(present, targets, self.blank))
        shape = (*outputs.shape[:2], states.shape[1])
        places = ops.broadcast_to(states[:, None], shape)
        log_p = ops.take_along_axis(log_softmax(outputs), places, -1)
        others = states[:, 2:] != states[:, :-2]  # a blank may be left out between them

        def step(alpha: Tensor, now: Tensor) -> tuple[Tensor, None]:
            """Graves' alpha: log of the probability to be in each state after the steps so far."""
            before = _pad(alpha[:, :-1], 1)
            skipped = _pad(ops.where(others, alpha[:, :-2], _NEVER), 2)
            return _log_add(_log_add(alpha, before), skipped) + now, None

        start = ops.where(ops.arange(states.shape[1]) == 0, 0.0, _NEVER)
        alpha, _ = scan(step, ops.broadcast_to(start, states.shape), log_p, axis=1)
        count = ops.sum(present.astype("int"), 1)
        end = 2 * count[:, None]  # the last blank's place; the last label's is before it
        last = ops.take_along_axis(_pad(alpha, 1), end, -1)
        values = -_log_add(last, ops.take_along_axis(alpha, end, -1))[:, 0]
        return values / ops.maximum(count.astype("float"), 1.0) if self.per_label else values

    def _with_blanks(self, labels: Tensor) -> Tensor:
        """(batch, 2 labels + 1): a blank before each label, and one at the end."""
        batch, count = labels.shape
        pairs = ops.pad(labels[:, :, None], [(0, 0), (0, 0), (1, 0)], self.blank)
        return ops.pad(ops.reshape(pairs, (batch, 2 * count)), [(0, 0), (0, 1)], self.blank)

    def target_shape(self, output_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(output_shape) != 3:
            raise ShapeError(
                f"CTC: outputs are {tuple(output_shape)}; they must be (batch, time, classes)"
            )
        if isinstance(output_shape[2], int) and self.blank >= output_shape[2]:
            raise ShapeError(f"CTC: blank is {self.blank}, but there are {output_shape[2]} classes")
        return (output_shape[0], Size.symbol("labels"))

    def check_targets(self, targets: np.ndarray, output_shape: tuple[Any, ...]) -> None:
        steps, classes = output_shape[1:]
        for i, row in enumerate(targets):
            labels = row[row != self.padding]
            if (row[: len(labels)] == self.padding).any():
                raise DataError(f"CTC: targets {i}: labels stand before the padding {self.padding}")
            wrong = labels[(labels < 0) | (labels >= classes) | (labels == self.blank)]
            if wrong.size:
                raise DataError(
                    f"CTC: targets {i} hold {wrong[0]}, but labels are from 0 to {classes - 1} and "
                    f"not the blank {self.blank}; fill rows up with {self.padding}"
                )
            needed = len(labels) + int((labels[1:] == labels[:-1]).sum())
            if isinstance(steps, int) and needed > steps:
                raise DataError(
                    f"CTC: targets {i} are {len(labels)} labels, which need {needed} steps with a "
                    f"blank between equal ones; outputs have {steps}"
                )


def _pad(alpha: Tensor, count: int) -> Tensor:
    """So many states at the front that nothing comes from."""
    return ops.pad(alpha, [(0, 0), (count, 0)], _NEVER)


def _log_add(a: Tensor, b: Tensor) -> Tensor:
    """log(e^a + e^b), of -inf as well."""
    high, low = ops.maximum(a, b), ops.minimum(a, b)
    return high + ops.log(1.0 + ops.exp(low - ops.where(low == _NEVER, 0.0, high)))
