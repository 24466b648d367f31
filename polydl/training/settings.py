"""Training: what a training run is, as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from polydl.errors import DefinitionError, ProgramError, nearest
from polydl.losses.loss import Loss
from polydl.metrics.metric import Metric
from polydl.optimizers.optimizer import Optimizer
from polydl.schedules.schedule import Schedule
from polydl.spec.registry import CLASSES

TRAINING_FORMAT = 1


@dataclass(frozen=True)
class Training:
    """A training run: loss, optimizer, batches, epochs, metrics and randomness.

    The last batch of an epoch may be smaller; losses and metrics are averages over samples. The
    order of samples is drawn by NumPy from (seed, epoch), equal on every backend. randomness:
    "native" leaves dropout to the framework's own generator, begun from the seed; "portable" makes
    its masks equal on every backend. steps_per_execution: at most so many steps run between two
    looks of Python (progress, Ctrl-C), where a backend gains by it and then holds as many batches;
    None leaves it to the backend. What is computed does not depend on it. weights: what the weights
    in (inputs, targets, weights) are of, each "sample" or each "element" of the loss; `fit` sets it
    by the data that it gets.
    """

    loss: Loss
    optimizer: Optimizer
    batch_size: int = 32
    epochs: int = 1
    metrics: Sequence[Metric] = field(default_factory=tuple)
    randomness: Literal["native", "portable"] = "native"
    shuffle: bool = True
    seed: int = 0
    steps_per_execution: int | None = None
    weights: Literal["sample", "element"] | None = None

    def __post_init__(self) -> None:
        listed = isinstance(self.metrics, Sequence) and not isinstance(self.metrics, str)
        _require(listed, "metrics must be dl.Metric objects in a list", self.metrics)
        object.__setattr__(self, "metrics", tuple(self.metrics))
        _require(isinstance(self.loss, Loss), "loss must be a dl.Loss such as dl.CrossEntropy()",
                 self.loss)  # fmt: skip
        _require(isinstance(self.optimizer, Optimizer),
                 "optimizer must be a dl.Optimizer such as dl.Adam(1e-3)", self.optimizer)  # fmt: skip
        for metric in self.metrics:
            _require(isinstance(metric, Metric), "metrics must be dl.Metric", metric)
            good = str(metric.name).isidentifier()
            _require(good, "a metric's name must be an identifier", metric.name)
        names = [metric.name for metric in self.metrics]
        _require(len(set(names)) == len(names) and "loss" not in names,
                 "metrics must have different names, none of them 'loss'", names)  # fmt: skip
        for name in ("batch_size", "epochs", "steps_per_execution"):
            value = getattr(self, name)
            if name == "steps_per_execution" and value is None:
                continue
            good = isinstance(value, int) and not isinstance(value, bool) and value > 0
            _require(good, f"{name} must be a positive integer", value)
        good = isinstance(self.seed, int) and not isinstance(self.seed, bool)
        _require(good and 0 <= self.seed < 2**63, "seed must be an integer of 0 or more", self.seed)
        _require(isinstance(self.shuffle, bool), "shuffle must be True or False", self.shuffle)
        if self.randomness not in ("native", "portable"):
            raise DefinitionError(
                f"Training: randomness must be 'native' or 'portable', got {self.randomness!r}"
            )
        self._check_loss()

    def _check_loss(self) -> None:
        name = type(self.loss).__name__
        _require(self.loss.reduction != "none",
                 f"the loss must give one number: {name} needs another reduction, such as 'mean'",
                 self.loss.reduction)  # fmt: skip
        _require(self.loss.target_dtype is not None or not self.metrics,
                 f"{name} takes no targets, which metrics need", self.metrics)  # fmt: skip
        _require(self.weights in (None, "sample", "element"),
                 "weights must be None, 'sample' or 'element'", self.weights)  # fmt: skip
        _require(self.weights is None or self.loss.takes_weights(),
                 f"{name} takes no weights. Let it define `values` instead of __call__, or take "
                 "weights there", self.weights)  # fmt: skip

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the arrays that samples bring besides the model's inputs."""
        targets = () if self.loss.target_dtype is None else ("targets",)
        return targets if self.weights is None else (*targets, "weights")

    def to_json(self) -> str:
        """As JSON. Only built-in losses, optimizers and metrics can be written."""
        return json.dumps(
            {
                "format": TRAINING_FORMAT,
                "loss": _part(self.loss),
                "optimizer": _part(self.optimizer),
                "metrics": [_part(metric) for metric in self.metrics],
                "batch_size": self.batch_size,
                "epochs": self.epochs,
                "randomness": self.randomness,
                "shuffle": self.shuffle,
                "seed": self.seed,
                "steps_per_execution": self.steps_per_execution,
                "weights": self.weights,
            }
        )

    @staticmethod
    def from_json(text: str) -> Training:
        """Read what `to_json` wrote."""
        try:
            given = json.loads(text)
            if given.pop("format") != TRAINING_FORMAT:
                raise ProgramError("a Training of another format version")
            return Training(
                loss=_build(given.pop("loss")),
                optimizer=_build(given.pop("optimizer")),
                metrics=tuple(_build(part) for part in given.pop("metrics")),
                **given,
            )
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            if isinstance(error, ProgramError):
                raise
            raise ProgramError(f"not a Training: {error}") from None


def _require(holds: bool, text: str, given: Any) -> None:
    if not holds:
        raise DefinitionError(f"Training: {text}, got {given!r}")


def _part(part: Any) -> dict[str, Any]:
    data = {"kind": part.kind, **part.config()}
    for kind in _kinds(data):
        if kind not in CLASSES:
            raise DefinitionError(
                f"Training: {kind} is not one of polydl's own and cannot be written as JSON. "
                f"{nearest(kind, list(CLASSES))}"
            )
    return data


def _kinds(data: Any) -> Iterator[str]:
    """Of a part and of those among its settings."""
    if isinstance(data, dict):
        yield from [data["kind"]] if "kind" in data else []
        data = list(data.values())
    if isinstance(data, list):
        for value in data:
            yield from _kinds(value)


def _build(data: Any) -> Any:
    """A part from its settings, where they name a kind; whatever else as it is."""
    if isinstance(data, list):
        return tuple(_build(item) for item in data)
    if not isinstance(data, dict) or "kind" not in data:
        return data
    config = dict(data)
    kind = config.pop("kind")
    cls = CLASSES.get(kind)
    if cls is None or not issubclass(cls, (Loss, Metric, Optimizer, Schedule)):
        raise ProgramError(f"unknown kind {kind!r}. {nearest(str(kind), list(CLASSES))}")
    return cls(**{name: _build(value) for name, value in config.items()})
