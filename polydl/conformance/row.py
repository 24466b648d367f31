"""Row: one thing to check, and what it is checked on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polydl.conformance.samplers import Sampler
from polydl.losses.loss import Loss
from polydl.metrics.metric import Metric
from polydl.optimizers.optimizer import Optimizer
from polydl.schedules.exponential import StepDecay
from polydl.schedules.schedule import Schedule
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor
from polydl.training.groups import ParameterGroup

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]
COMPOSITE = "composite"  # the item of rows of whole models
RANDOM_SEED = 3  # of the masks of rows with portable randomness

# (weights, inputs in flat order, training) -> (outputs in flat order, state by path)
Expectation = Callable[[Weights, list[Array], bool], tuple[list[Array], dict[str, Array]]]


@dataclass(frozen=True, eq=False)
class Row:
    """A model, and arrays to call it on.

    items: what it covers, as registered ("polydl:Dense@1"), "primitive:exp" or "composite".
    inputs, samples: nested alike. resized: samples of other sizes for the unknown ones.
    expected: what an independent formula gives. portable: random bits become the portable hash.
    """

    name: str
    items: tuple[str, ...]
    model: Callable[[], Module]
    inputs: Any
    samples: Any
    expected: Expectation | None = None
    modes: tuple[bool, ...] = (False,)  # training?
    gradients: bool = True
    portable: bool = False
    resized: Any = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class TieRow:
    """Derivatives where they are a choice, each of which a primitive's record states.

    gradients: for each output by name, the derivative of its sum by each input, at `point`.
    """

    name: str
    items: tuple[str, ...]
    model: Callable[[], Module]
    inputs: Any
    point: Any
    gradients: Mapping[str, Sequence[Any]]


@dataclass(frozen=True, eq=False)
class RandomRow:
    """A model that draws random numbers. verify(input, output) raises AssertionError."""

    name: str
    items: tuple[str, ...]
    model: Callable[[], Module]
    inputs: Any
    sample: Sampler
    verify: Callable[[Array, Array], None]


@dataclass(frozen=True, eq=False)
class ScoreRow:
    """A loss of (outputs, targets). formula: in plain NumPy."""

    name: str
    items: tuple[str, ...]
    score: Callable[[], Loss]
    outputs: Sampler
    targets: Sampler
    formula: Callable[[Array, Array], float]
    seed: int = 0


@dataclass(frozen=True, eq=False)
class MetricRow:
    """Metrics of the same (outputs, targets), by name, each with its formula in plain NumPy.

    They are scored over batches of `batch_size`, the last smaller, and formulas over all samples.
    loss: what a net is trained with, for its targets.
    """

    name: str
    items: tuple[str, ...]
    loss: Callable[[], Loss]
    outputs: Sampler
    targets: Sampler
    metrics: Mapping[str, tuple[Callable[[], Metric], Callable[[Array, Array], Any]]]
    batch_size: int = 5
    seed: int = 0

    def made(self) -> dict[str, Metric]:
        """The metrics, under their names in the row."""
        found = {}
        for name, (make, _) in self.metrics.items():
            found[name] = make()
            found[name].name = name
        return found


Stepped = tuple[Array, tuple[Array, ...]]  # a parameter, and what a formula keeps


@dataclass(frozen=True, eq=False)
class OptimizerRow:
    """An update rule at a learning rate, which falls on the way where it is `scheduled`.

    formula(path, parameter, gradient, step, rate, kept) -> (parameter, kept), in NumPy. kept is ()
    at the first step, which is 1.
    """

    name: str
    items: tuple[str, ...]
    optimizer: Callable[[Any], Optimizer]  # of the learning rate
    formula: Callable[[str, Array, Array, int, float, tuple[Array, ...]], Stepped]
    rate: float = 0.02
    scheduled: bool = True
    groups: tuple[ParameterGroup, ...] = ()

    @property
    def rule(self) -> Optimizer:
        return self.optimizer(StepDecay(self.rate, 80, 0.3) if self.scheduled else self.rate)


@dataclass(frozen=True, eq=False)
class ScheduleRow:
    """A learning rate over the steps from 0 on. formula: of one step, in plain Python."""

    name: str
    items: tuple[str, ...]
    schedule: Callable[[], Schedule]
    formula: Callable[[int], float]
    steps: int = 250


@dataclass(frozen=True, eq=False)
class StageRow:
    """What a training step does besides the update, in a run of SGD with momentum.

    settings: of the Training. Its stages on paper: penalty(path, parameter) -> (value, slope);
    average of a parameter, which it takes as it was before each update and after the last;
    noise(path, shape, step) on its gradient.
    """

    name: str
    items: tuple[str, ...]
    settings: Callable[[], Mapping[str, Any]]
    penalty: Callable[[str, Array], tuple[float, Array]] | None = None
    average: Callable[[list[Array]], Array] | None = None
    noise: Callable[[str, tuple[int, ...], int], Array] | None = None


AnyRow = Row | TieRow | RandomRow | ScoreRow | MetricRow | OptimizerRow | ScheduleRow | StageRow


class Apply(Module):
    """One function as a model."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function

    def __call__(self, x: Tensor) -> Any:
        return self.function(x)


class Apply2(Module):
    """A function of two tensors."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function

    def __call__(self, a: Tensor, b: Tensor) -> Any:
        return self.function(a, b)


class Apply3(Module):
    """A function of three tensors."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function

    def __call__(self, a: Tensor, b: Tensor, c: Tensor) -> Any:
        return self.function(a, b, c)


class Several(Module):
    """Several modules or functions of one input: one compilation for a whole family."""

    def __init__(self, parts: Mapping[str, Callable[[Any], Any]]):
        self.parts = dict(parts)

    def __call__(self, x: Tensor) -> dict[str, Any]:
        return {name: part(x) for name, part in self.parts.items()}


# (own weights by name, input, training) -> output, or (output, own state)
Formula = Callable[[Weights, Array, bool], Any]


@dataclass(frozen=True)
class Part:
    """One configuration within a row of several."""

    make: Callable[[], Callable[[Any], Any]]
    formula: Formula


def several(name: str, items: Sequence[str], inputs: Any, samples: Any, /, **more: Any) -> Row:
    """A Row of several parts, given by name among the keywords; the rest are the Row's own."""
    parts = {k: more.pop(k) for k in list(more) if isinstance(more[k], Part)}

    def expected(weights: Weights, given: list[Array], training: bool) -> Any:
        outputs, state = [], {}
        for part, entry in parts.items():
            prefix = f"parts.{part}."
            own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
            result = entry.formula(own, given[0], training)
            if isinstance(result, tuple):
                result, moved = result
                state.update({f"{prefix}{k}": v for k, v in moved.items()})
            outputs.append(result)
        return outputs, state

    def model() -> Module:
        return Several({part: entry.make() for part, entry in parts.items()})

    return Row(name, tuple(items), model, inputs, samples, expected, **more)


def plain(formula: Callable[..., Any]) -> Expectation:
    """An expectation from a formula of the inputs that gives one output, or a list or dict."""

    def expected(weights: Weights, given: list[Array], training: bool) -> Any:
        result = formula(*given)
        if isinstance(result, dict):
            result = list(result.values())
        return (list(result) if isinstance(result, (list, tuple)) else [result]), {}

    return expected
