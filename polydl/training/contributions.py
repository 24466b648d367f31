"""What steps return: the loss, and what a batch contributes to metrics. Texts for backends' steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polydl import ops
from polydl.emission.emitter import Emitter
from polydl.emission.naming import camel_case
from polydl.metrics.metric import Metric
from polydl.program.sizes import Shape
from polydl.program.types import Block, DType
from polydl.spec.tensor import Tensor
from polydl.spec.tracing import trace_function
from polydl.training.heads import BoundHead
from polydl.training.scores import Scored

GATHER = "What metrics need of all samples: an array for each of these metrics."


@dataclass(frozen=True)
class Contributions:
    """Texts of what a batch contributes to scores besides the whole loss, of `outputs` and targets.

    means: numbers, over samples, first the losses of several outputs. sums: flat arrays. gathered:
    arrays of what is needed of samples; shapes: of these, but for their first axis. width: how many
    numbers a step returns, with the loss, besides what it gathers.
    """

    means: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    gathered: tuple[str, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()
    width: int = 1

    @property
    def plain(self) -> bool:
        """Whether a step returns nothing but the loss and means over samples."""
        return not self.sums and not self.gathered

    @property
    def names(self) -> list[str]:
        """Local names for what is gathered."""
        return [f"samples{i + 1}" if i else "samples" for i in range(len(self.gathered))]


def contributions(
    emitter: Emitter, scored: Mapping[str, Scored], losses: Sequence[str] = ()
) -> Contributions:
    """Calls of what metrics were emitted as, by key. losses: names of those of several outputs."""
    texts = {
        key: emitter.function_text(key, [part.head.outputs, part.head.targets])
        for key, part in scored.items()
    }

    def of(combine: str) -> tuple[str, ...]:
        return tuple(text for key, text in texts.items() if scored[key].metric.combine == combine)

    return Contributions(
        (*losses, *of("mean")), of("sum"), of("concatenate"),
        tuple(part.shape for part in scored.values() if part.gathered),
        1 + len(losses) + sum(part.width for part in scored.values()),
    )  # fmt: skip


def metric_blocks(
    key: str, name: str, metric: Metric, bound: BoundHead, targets: tuple[Shape, DType]
) -> tuple[dict[str, Block], Scored]:
    """What a batch contributes to a metric, as Blocks; arrays that are to add up are flat.

    name: of the score.
    """
    output = bound.output
    shapes: list[tuple[int, ...]] = []

    def flat(contribution: Tensor) -> Tensor:
        shapes.append(metric.contribution_shape(contribution.shape))
        numbers = contribution.astype("float")
        if metric.combine != "sum" or numbers.ndim == 1:
            return numbers
        return ops.reshape(numbers, (-1,))

    definition: Any = type(metric).definition
    traced = trace_function(
        camel_case(metric.name),
        lambda outputs, targets: flat(definition(metric, outputs, targets)),
        [("outputs", output.shape, output.dtype), ("targets", *targets)],
        metric.config(),
        key=key,
    )
    return traced, Scored(name, metric, shapes[0], bound.head)


def fetching(given: Contributions, stack: Sequence[str], concatenate: str) -> list[str]:
    """Methods of Trainer, in whose texts {} is what steps returned: `fetch`, and `gather` if need be.

    stack: lines, of which the last is returned: scores of steps, (steps, scores). concatenate: of
    arrays with what each step gathered.
    """
    name = "scores" if given.gathered else "results"
    *before, last = (line.format(name) for line in stack)
    lines = [
        "    @staticmethod",
        "    def fetch(results):",
        '        """Scores of steps as one array (steps, scores)."""',
        *(["        scores = [result[0] for result in results]"] if given.gathered else []),
        *(f"        {line}" for line in before),
        f"        return {last}",
    ]
    if not given.gathered:
        return lines
    return [
        *lines,
        "",
        "    @staticmethod",
        "    def gather(results):",
        f'        """{GATHER}"""',
        "        _, *gathered = zip(*results)",
        f"        return [{concatenate.format('arrays')} for arrays in gathered]",
    ]


def total(given: Contributions, add: str, concatenate: str) -> list[str]:
    """Statements that return what parts of a batch brought together, which stands in `results`."""
    if not given.gathered:
        return [f"return {add.format('results')}"]
    joined = [concatenate.format(name) for name in given.names]
    return [
        f"{', '.join(['scores', *given.names])} = zip(*results)",
        f"return {', '.join([add.format('scores'), *joined])}",
    ]
