"""Training: what a training run is, as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from polydl.augment.augmentation import Augmentation
from polydl.augment.compose import checked as augmentations
from polydl.averages.average import Average
from polydl.callbacks.callback import Callback
from polydl.callbacks.monitor import mode_of
from polydl.errors import DefinitionError
from polydl.losses.loss import Loss
from polydl.metrics.metric import Metric
from polydl.optimizers.optimizer import Optimizer
from polydl.penalties.penalty import Penalty
from polydl.precision import check_mixed
from polydl.schedules.schedule import Schedule
from polydl.spec.arguments import known_arguments
from polydl.training.checkpoint import Checkpoint
from polydl.training.groups import ParameterGroup
from polydl.training.head_settings import heads_of, nested_metrics, require_part
from polydl.training.heads import Head
from polydl.training.loss_scale import LossScale
from polydl.training.noise import GradientNoise
from polydl.training.serialization import from_json, to_json

_AT_OPTIMIZER = "Give it to the optimizer, as in dl.Adam(1e-3)"


@known_arguments(learning_rate=_AT_OPTIMIZER, lr=_AT_OPTIMIZER)
@dataclass(frozen=True)
class Training:
    """A training run: loss, optimizer, batches, epochs, metrics and randomness.

    The last batch of an epoch may be smaller; an epoch's loss is the average of its batches' losses,
    each counted by its samples, as the frameworks have it. (So it depends on the batch size where
    labels are ignored, weights divide, or losses are sums; metrics do not.) metrics: dl.Metric
    objects, or names such as "accuracy", which follow the loss in what they ignore and where labels
    begin; each is exact over an epoch. The order of samples is drawn by NumPy from (seed, epoch),
    equal on every backend. randomness: "native" leaves dropout to the framework's own generator,
    begun from the seed; "portable" makes its masks equal on every backend. steps_per_execution: at
    most so many steps run between two looks of Python (progress, Ctrl-C), where a backend gains by it
    and then holds as many batches; None leaves it to the backend. What is computed does not depend
    on it. weights: what the weights
    in (inputs, targets, weights) are of, each "sample" or each "element" of the loss; `fit` sets it
    by the data that it gets. data: what the program takes, "arrays" or "batches" of an iterable, which
    `fit` sets too; batches keep their own sizes and order.

    Of a model that gives several outputs, in a dict or a tuple, loss, metrics and loss_weights are
    dicts or tuples too: an output without a loss is left out, or None. The whole loss is then the sum
    of loss_weights[k] * loss[k], with weights of 1 by default; scores are called "digit_loss" and
    "digit_accuracy" for the output "digit", and "output0_loss" in a tuple. Targets come likewise, and
    so may samples' weights (an output without any has weights of 1), or else they count for all losses.

    An update is a step, of one batch. accumulate: a batch is taken in so many parts, one after the
    other, of ceil(batch_size / accumulate) samples (the last may have fewer); their gradients,
    each weighted by its share of what the loss is a mean of (samples, or labels that are not ignored,
    or weights), add up to the update's. It saves memory, and is the same but for rounding where no
    layer looks at other samples (as BatchNorm does). clip_value: every number of
    the gradient is kept within -clip_value to clip_value. clip_norm: after that, the gradient g of all
    parameters together is multiplied by clip_norm / max(|g|, clip_norm), |g| its Euclidean norm;
    torch adds 1e-6 to |g|, and Keras' `clipnorm` is of each variable. groups: what is different for
    some parameters. decayed: what an optimizer's weight_decay acts on: "matrices" (parameters of two
    axes or more: no biases, no scales of norms), "all", or patterns of paths. augment: random changes
    of training batches, one after the other, drawn from (seed, epoch, batch); validation is left as it
    is. penalties: terms of the loss that are of parameters, such as dl.L2(1e-4). gradient_noise: normal
    noise on gradients, dl.GradientNoise(0.01). average: a running average of the parameters, such as
    dl.EMA(0.999); validation scores are the averages'. callbacks: what looks on and may steer:
    dl.EarlyStopping and dl.ReduceLROnPlateau, which become part of the emitted program, and logs, a bar
    or a user's own dl.Callback, which `fit` calls. checkpoint: when the run is written down, and where.
    resumed: whether it goes on from such a file, which `fit` sets.

    precision: mixed precision. The model computes in bfloat16 or float16, in training and in
    `evaluate`; parameters, gradients, the optimizer and the loss of the model's outputs stay in
    float32. What of the model stays in float32 too is each framework's own choice, so runs agree as
    far as the lower type does. loss_scale: of a run in float16, dl.LossScale() by default.
    """

    loss: Loss | Mapping[str, Loss | None] | Sequence[Loss | None]
    optimizer: Optimizer
    batch_size: int = 32
    epochs: int = 1
    metrics: Sequence[Any] | Mapping[str, Sequence[Any]] = field(default_factory=tuple)
    randomness: Literal["native", "portable"] = "native"
    shuffle: bool = True
    seed: int = 0
    steps_per_execution: int | None = None
    weights: Any = None
    accumulate: int = 1
    clip_norm: float | None = None
    clip_value: float | None = None
    groups: Sequence[ParameterGroup] = ()
    decayed: Literal["matrices", "all"] | Sequence[str] = "matrices"
    augment: Sequence[Augmentation] = ()
    callbacks: Sequence[Callback] = ()
    penalties: Sequence[Penalty] = ()
    average: Average | None = None
    gradient_noise: GradientNoise | None = None
    checkpoint: Checkpoint | None = None
    precision: Literal["bfloat16", "float16"] | None = None
    loss_scale: LossScale | None = None
    loss_weights: Mapping[str, float] | Sequence[float | None] | None = None
    data: Literal["arrays", "batches"] = "arrays"
    resumed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", _settled(self.loss))
        object.__setattr__(self, "metrics", nested_metrics(self.loss, self.heads))
        require_part("optimizer", self.optimizer, Optimizer, "dl.Adam(1e-3)")
        for name in ("batch_size", "epochs", "accumulate", "steps_per_execution"):
            value = getattr(self, name)
            if name == "steps_per_execution" and value is None:
                continue
            if isinstance(value, np.integer):
                value = int(value)
                object.__setattr__(self, name, value)
            good = isinstance(value, int) and not isinstance(value, bool) and value > 0
            _require(good, f"{name} must be a positive integer", value)
        if isinstance(self.seed, np.integer):
            object.__setattr__(self, "seed", int(self.seed))
        good = isinstance(self.seed, int) and not isinstance(self.seed, bool)
        _require(good and 0 <= self.seed < 2**63, "seed must be an integer of 0 or more", self.seed)
        _require(isinstance(self.shuffle, bool), "shuffle must be True or False", self.shuffle)
        if self.randomness not in ("native", "portable"):
            raise DefinitionError(
                f"Training: randomness must be 'native' or 'portable', got {self.randomness!r}"
            )
        good = self.checkpoint is None or isinstance(self.checkpoint, Checkpoint)
        _require(good, "checkpoint must be dl.Checkpoint(folder)", self.checkpoint)
        self._check_gradients()
        self._check_augment()
        self._check_callbacks()
        self._check_precision()

    def _check_gradients(self) -> None:
        _require(self.accumulate <= self.batch_size,
                 "accumulate is the number of parts that a batch is taken in, at most batch_size",
                 self.accumulate)  # fmt: skip
        for name in ("clip_norm", "clip_value"):
            value = getattr(self, name)
            good = isinstance(value, (int, float)) and not isinstance(value, bool)
            good = good and 0 < value < math.inf
            text = f"{name} must be a number above 0; leave it out to clip nothing"
            _require(value is None or good, text, value)
        listed = isinstance(self.groups, Sequence) and not isinstance(self.groups, str)
        _require(listed and all(isinstance(g, ParameterGroup) for g in self.groups),
                 "groups must be dl.ParameterGroup objects in a list", self.groups)  # fmt: skip
        object.__setattr__(self, "groups", tuple(self.groups))
        listed = isinstance(self.penalties, Sequence) and not isinstance(self.penalties, str)
        _require(listed and all(isinstance(p, Penalty) for p in self.penalties),
                 "penalties must be dl.Penalty objects such as dl.L2(1e-4), in a list",
                 self.penalties)  # fmt: skip
        for penalty in self.penalties:
            penalty.check()
        object.__setattr__(self, "penalties", tuple(self.penalties))
        given = self.gradient_noise
        good = given is None or isinstance(given, GradientNoise)
        _require(good, "gradient_noise must be dl.GradientNoise(0.01), say, or None", given)
        good = self.average is None or isinstance(self.average, Average)
        _require(good, "average must be a dl.Average such as dl.EMA(0.999), or None", self.average)
        if isinstance(self.decayed, str):
            good = self.decayed in ("matrices", "all")
        else:
            good = isinstance(self.decayed, Iterable)
            patterns = tuple(self.decayed) if good else ()
            good = good and all(isinstance(pattern, str) for pattern in patterns)
            object.__setattr__(self, "decayed", patterns if good else self.decayed)
        _require(good, "decayed must be 'matrices', 'all' or a list of patterns", self.decayed)

    def _check_callbacks(self) -> None:
        listed = isinstance(self.callbacks, Sequence) and not isinstance(self.callbacks, str)
        _require(listed and all(isinstance(c, Callback) for c in self.callbacks),
                 "callbacks must be dl.Callback objects in a list", self.callbacks)  # fmt: skip
        object.__setattr__(self, "callbacks", tuple(self.callbacks))
        for callback in self.callbacks:
            callback.check(self)
        if self.checkpoint is not None and self.checkpoint.best is not None:
            mode_of("Checkpoint", self.checkpoint.best, self.checkpoint.mode, self)
        restoring = [c for c in self.callbacks if getattr(c, "restore_best", False)]
        _require(len(restoring) < 2, "only one callback can restore the best weights", restoring)

    @property
    def micro_batch(self) -> int | None:
        """Samples in a part of a batch, where batches are taken in parts."""
        return None if self.accumulate == 1 else -(-self.batch_size // self.accumulate)

    @property
    def resumable(self) -> bool:
        """Whether the loop can begin in the middle of an epoch."""
        return self.resumed or self.checkpoint is not None

    @property
    def takes_rate(self) -> bool:
        """Whether the learning rate is an argument of the step, and no constant."""
        changed = any(callback.changes_rate for callback in self.callbacks)
        return isinstance(self.optimizer.learning_rate, Schedule) or changed

    @property
    def restores_best(self) -> bool:
        """Whether the Trainer can copy the weights of the best epoch and put them back."""
        return any(getattr(callback, "restore_best", False) for callback in self.callbacks)

    def _check_augment(self) -> None:
        object.__setattr__(self, "augment", augmentations("Training", self.augment))
        _require(
            self.data in ("arrays", "batches"), "data must be 'arrays' or 'batches'", self.data
        )
        for one in self.augment:
            if not (one.mixes or getattr(one, "masks", False)):
                continue
            name, (head, *_) = type(one).__name__, self.heads
            _require(head.key is None, f"{name} changes targets, those of a model with one output",
                     self.loss)  # fmt: skip
            if not one.mixes:
                continue
            loss = type(head.loss).__name__
            _require(head.loss.target_dtype == "float",
                     f"{name} makes soft targets: take a loss of them, such as "
                     'dl.CrossEntropy("probabilities")', loss)  # fmt: skip
            _require(
                self.weights is None, f"{name} mixes samples, whose weights differ", self.weights
            )

    def _check_precision(self) -> None:
        if self.precision is not None:
            check_mixed(self.precision)
        good = self.loss_scale is None or isinstance(self.loss_scale, LossScale)
        _require(good, "loss_scale must be a dl.LossScale", self.loss_scale)
        _require(self.loss_scale is None or self.precision == "float16",
                 'loss_scale is for precision="float16": others reach as far as float32, and no '
                 "gradient gets lost", self.precision)  # fmt: skip

    @property
    def scaling(self) -> LossScale | None:
        """How the loss is scaled, where it is."""
        return (self.loss_scale or LossScale()) if self.precision == "float16" else None

    def order(self, epoch: int, count: int) -> np.ndarray:
        """The order of `count` samples in an epoch, counted from 0."""
        if not self.shuffle:
            return np.arange(count)
        return np.random.Generator(np.random.Philox(key=[self.seed, epoch])).permutation(count)

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """The outputs that have a loss."""
        return heads_of(self.loss, self.loss_weights, self.metrics, self.weights)

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the arrays that samples bring besides the model's inputs."""
        return tuple(dict.fromkeys(name for head in self.heads for name in head.given.values()))

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of the losses of several outputs, as the scores have them besides the whole."""
        return tuple(f"{head.prefix}loss" for head in self.heads if head.key is not None)

    @property
    def scores(self) -> dict[str, Metric]:
        """Metrics by the names of their scores."""
        return {name: metric for head in self.heads for name, metric in head.scores.items()}

    @property
    def score_names(self) -> list[str]:
        """Names of an epoch's scores, but for those of validation."""
        return ["loss", *self.loss_names, *self.scores]

    def to_json(self) -> str:
        """As JSON. Only built-in losses, optimizers and metrics can be written."""
        return to_json(self)

    @staticmethod
    def from_json(text: str) -> Training:
        """Read what `to_json` wrote."""
        return from_json(text)


def _settled(loss: Any) -> Any:
    """Losses of several outputs in a dict or tuple of its own."""
    if isinstance(loss, Mapping):
        return dict(loss)
    return tuple(loss) if isinstance(loss, list) else loss


def _require(holds: bool, text: str, given: Any) -> None:
    if not holds:
        raise DefinitionError(f"Training: {text}, got {given!r}")
