"""dl.overfit_one_batch: can the model learn one batch by heart?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from polydl.diagnostics.batch import as_data, check_net, check_training, copy_of
from polydl.diagnostics.objective import objective
from polydl.errors import BackendError, DefinitionError
from polydl.losses.cross_entropy import CrossEntropy
from polydl.metrics.accuracy import Accuracy
from polydl.net import Net
from polydl.program.binding import bind_sizes
from polydl.program.sizes import evaluate
from polydl.spec.input import Input
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor
from polydl.spec.tracing import trace
from polydl.training.arrays import Data, training_arrays, weighted
from polydl.training.heads import bound_heads
from polydl.training.history import scores_text
from polydl.training.settings import Training

REACHED = 0.99  # of the way from the first loss to the lowest
STUCK = 0.1
_PARTS = 20  # after each the run may stop

_ADVICE = {
    "overfits": "model, loss and optimizer work together; what is left is the whole data.",
    "falling": "it is still falling: give more steps, or a larger learning rate (dl.find_lr).",
    "floor": "it stays above the lowest loss there is. Look at regularising (dropout, weight decay, "
    "augmentation), the size of the model, an activation after the last layer that its targets do not "
    "fit, a learning rate too large to settle.",
    "stuck": "it hardly falls. Look at the learning rate (dl.find_lr), the gradients "
    "(dl.check_gradients), the scale of the inputs, targets that do not belong to their inputs, a loss "
    "that does not fit the last layer, such as one of logits after a softmax.",
    "diverged": "it rises, or is not finite. Lower the learning rate, or see dl.check_gradients.",
}


@dataclass(frozen=True)
class OverfitReport:
    """What dl.overfit_one_batch found.

    verdict: "overfits", "falling", "floor", "stuck" or "diverged". losses: of each step. lowest: the
    least that the loss of these targets can be, as far as it was found. scores: loss and metrics in
    evaluation mode after the last step. contradictions: samples whose inputs are those of another
    sample, and whose targets are not.
    """

    verdict: str
    losses: np.ndarray
    lowest: float
    scores: dict[str, float] = field(default_factory=dict)
    contradictions: int = 0

    @property
    def ok(self) -> bool:
        return self.verdict == "overfits"

    @property
    def reached(self) -> float:
        """How much of the way from the first loss to the lowest was covered."""
        best, first = float(np.nanmin(self.losses)), float(self.losses[0])
        way = first - self.lowest
        return (first - best) / way if way > 0 else 1.0

    @property
    def advice(self) -> str:
        notes = [_ADVICE[self.verdict]]
        if self.contradictions:
            notes.append(
                f"{self.contradictions} samples have the inputs of another and other targets: no model "
                "can learn both."
            )
        best, after = float(np.nanmin(self.losses)), self.scores.get("loss", np.nan)
        gap = (after - best) / ((float(self.losses[0]) - self.lowest) or 1.0)
        if self.ok and gap > 1 - REACHED:
            notes.append(
                f"In evaluation mode the loss is {after:.4g}: running statistics of a normalisation "
                "have not followed yet, or the mode changes more than it should."
            )
        return " ".join(notes)

    def __str__(self) -> str:
        count = len(self.losses)
        seen = np.unique(np.linspace(0, count - 1, 8).astype(int))
        curve = "  ".join(f"{i + 1}: {self.losses[i]:.4g}" for i in seen)
        scores = scores_text(self.scores)
        return "\n".join([
            f"{self.verdict}: from {self.losses[0]:.4g} to {np.nanmin(self.losses):.4g} in {count} "
            f"steps, {self.reached:.1%} of the way to {self.lowest:.4g}",
            f"loss by step  {curve}",
            *([f"evaluation    {scores}"] if scores else []),
            self.advice,
        ])  # fmt: skip


def overfit_one_batch(
    net: Net, training: Training, batch: tuple[Any, ...], *, steps: int = 200
) -> OverfitReport:
    """Train a copy of the net on one batch, again and again: its loss should fall to the lowest.

    batch: some samples, as `fit` takes them; all of them are each step's batch, as they are, without
    augmentation. The net and its
    optimizer stay as they are; the copy starts from the net's weights. The run stops early when 99%
    of the way from the first loss to the lowest is covered, which is the verdict "overfits". The
    lowest loss is that of outputs that are free to be anything: above 0 with label smoothing, say.
    """
    check_net(net, "overfit_one_batch")
    training = weighted(check_training(training, "overfit_one_batch"), batch)
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise DefinitionError(f"dl.overfit_one_batch: steps must be 1 or more, got {steps!r}")
    data = training_arrays(net.program, training, net.options.dtype, batch, "batch")
    batch = as_data(net, training, *data)  # labels that an augmentation mixes are one-hot
    metrics = training.metrics
    if (
        not metrics
        and isinstance(training.loss, CrossEntropy)
        and training.loss.targets == "labels"
    ):
        metrics = (Accuracy(),)
    part = -(-steps // _PARTS)
    training = replace(
        training, batch_size=len(data[0][0]), shuffle=False, augment=(), metrics=metrics
    )
    copy, losses = copy_of(net), np.zeros(0)
    lowest = lowest_loss(net, training, data)
    while len(losses) < steps:
        epochs = min(part, steps - len(losses))
        run = copy.fit(replace(training, epochs=epochs), batch, progress=False, check_finite=False)
        losses = np.concatenate([losses, run.steps])
        if not np.isfinite(run.steps).all():
            return OverfitReport("diverged", losses, lowest, {}, contradictions(training, data))
        lowest = min(lowest, float(losses.min()))
        if losses[0] - losses.min() >= REACHED * (losses[0] - lowest):
            break
    scores = copy.evaluate(training, batch)
    return OverfitReport(
        _verdict(losses, lowest), losses, lowest, scores, contradictions(training, data)
    )


def _verdict(losses: np.ndarray, lowest: float) -> str:
    way, best = losses[0] - lowest, losses.min()
    if losses[0] - best >= REACHED * way:
        return "overfits"
    if losses[-1] - lowest > 2 * way:
        return "diverged"
    if losses[0] - best < STUCK * way:
        return "stuck"
    recent = max(1, len(losses) // 10)
    before = losses[:-recent].min() if len(losses) > recent else losses[0]
    return "falling" if before - best > 0.02 * (before - lowest) else "floor"


def contradictions(training: Training, data: Data) -> int:
    """Samples with the inputs of an earlier one, and other targets than it."""
    inputs, given = data
    targets = [head.targets for head in training.heads]
    given = tuple(x for name, x in zip(training.given, given, strict=True) if name in targets)
    first: dict[bytes, bytes] = {}
    count = 0
    for i in range(len(inputs[0])):
        key, target = (b"".join(x[i].tobytes() for x in arrays) for arrays in (inputs, given))
        count += first.setdefault(key, target) != target
    return count


class _Free(Module):
    """A model whose outputs are what it is given."""

    def __call__(self, outputs: Tensor) -> Tensor:
        return outputs


def lowest_loss(net: Net, training: Training, data: Data, steps: int = 100) -> float:
    """The lowest loss of these targets: of outputs that Adam moves directly, starting from 0.

    0 where the backend gives no gradients.
    """
    inputs, given = data
    sizes, lowest = bind_sizes(net.program, [x.shape for x in inputs]), 0.0
    named = dict(zip(training.given, given, strict=True))
    for bound in bound_heads(net.program, training):
        head, shape = bound.head, tuple(evaluate(size, sizes) for size in bound.output.shape)
        own = replace(training, loss=head.loss, loss_weights=None, metrics=(), weights=head.weights,
                      penalties=(), groups=())  # fmt: skip
        arrays = tuple(named[name] for name in head.given.values())
        lowest += head.weight * _lowest_of_one(net, own, shape, arrays, steps)
    return lowest


def _lowest_of_one(
    net: Net, training: Training, shape: tuple[int, ...], given: Sequence[np.ndarray], steps: int
) -> float:
    """Of one output of this shape."""
    whole = objective(trace(_Free(), Input((None, *shape[1:]))), training)
    model = whole.build(net.backend, net.options, {})
    outputs = np.zeros(shape, net.options.dtype)
    far = max([1.0, *(float(abs(x).max()) for x in given[:1] if x.dtype.kind == "f")])
    one = [np.ones((), net.options.dtype)]
    mean, square, best = np.zeros(shape), np.zeros(shape), np.inf
    with net._backend.precision(net.options):
        for step in range(1, steps + 1):
            arrays = whole.arrays([outputs], given, 0)
            best = min(best, float(model.call(arrays, training=False)[0]))
            try:
                _, (slope, *_) = model.gradients(arrays, list(one), False)
            except BackendError:
                return 0.0
            assert slope is not None  # outputs are floats
            mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * np.square(slope)
            size = np.sqrt(square / (1 - 0.99**step)) + 1e-30
            rate = 0.3 * far * (1 - (step - 1) / steps)
            outputs = (outputs - rate * mean / (1 - 0.9**step) / size).astype(outputs.dtype)
    return best
