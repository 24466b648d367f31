"""From what steps return to the scores of an epoch: emitted text, in NumPy."""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polydl.emission.naming import unique
from polydl.emission.wrap import wrap
from polydl.errors import DefinitionError
from polydl.metrics.metric import Metric
from polydl.training.heads import Head


@dataclass(frozen=True)
class Scored:
    """A metric by its score's name, and the fixed part of the shape of what a batch contributes."""

    name: str
    metric: Metric
    shape: tuple[int, ...]
    head: Head

    @property
    def gathered(self) -> bool:
        """Whether the step returns it by itself: its size depends on the batch's."""
        return self.metric.combine == "concatenate"

    @property
    def width(self) -> int:
        """How many of the numbers that every step returns are its own."""
        return 0 if self.gathered else math.prod(self.shape)

    @property
    def array(self) -> str:
        """Name of the array that holds what it gathered."""
        return f"{self.name}_samples"


@dataclass(frozen=True)
class Summary:
    """The text of the emitted `average`, with functions above it. gathered: further arguments of it.

    plain: all scores are averages over samples.
    """

    text: str
    gathered: str = ""
    plain: bool = False


_LOCAL_NAMES = ("mean", "name", "score", "scores", "total", "values")

_AVERAGE = '''\
def average(results, sizes):
    """Scores by name, weighted by the sizes of the batches."""
    values = np.average(results, axis=0, weights=sizes)
    return dict(zip(SCORES, values.tolist()))'''

_SUMMARY = '''\
def average(results, sizes{arguments}):
    """Scores by name, of what all batches bring."""
    {values}
    scores = {{
{scores}
    }}
    return {{name: np.asarray(score).tolist() for name, score in scores.items()}}'''


def summary(scored: Sequence[Scored], taken: Iterable[str], losses: Sequence[str] = ()) -> Summary:
    """How an epoch's scores are made. taken: names that the program's text has already.

    losses: names of those of several outputs, which come before the metrics.
    """
    if all(part.metric.combine == "mean" and part.metric.result is None for part in scored):
        return Summary(_AVERAGE, plain=True)
    names, texts = _functions(scored, {*taken, *_LOCAL_NAMES})
    scores = [f"mean[{i}]" for i in range(1 + len(losses))]
    means = len(scores)
    start = means + sum(part.metric.combine == "mean" for part in scored)
    for part in scored:
        if part.gathered:
            text = part.array
        elif part.metric.combine == "mean":
            text, means = f"mean[{means}]", means + 1
        else:
            text, start = _total(part.shape, start), start + part.width
        if part.metric.result is not None:
            settings = [f"{n}={getattr(part.metric, n)!r}" for n in part.metric.settings()]
            text = f"{names[part.name]}({', '.join([text, *settings])})"
        scores.append(text)
    mean, sums = "np.average(results, axis=0, weights=sizes)", "results.sum(0)"
    summed = any(part.metric.combine == "sum" for part in scored)
    arguments = "".join(f", {part.array}" for part in scored if part.gathered)
    keys = ["loss", *losses, *(part.name for part in scored)]
    items = [f'        "{key}": {text},' for key, text in zip(keys, scores, strict=True)]
    average = _SUMMARY.format(
        arguments=arguments,
        values=f"mean, total = {mean}, {sums}" if summed else f"mean = {mean}",
        scores="\n".join(part for item in items for part in wrap(item)),
    )
    gathered = ", *trainer.gather(results)" if arguments else ""
    return Summary("\n\n\n".join([*texts, average]), gathered)


def _total(shape: tuple[int, ...], start: int) -> str:
    """The text of a sum over batches, which is flat in what steps return."""
    if not shape:
        return f"total[{start}]"
    whole = f"total[{start}:{start + math.prod(shape)}]"
    return whole if len(shape) < 2 else f"{whole}.reshape({', '.join(map(str, shape))})"


def _functions(scored: Sequence[Scored], taken: set[str]) -> tuple[dict[str, str], list[str]]:
    """Names of `result`s in the text by metric, and the texts, each once."""
    names: dict[str, str] = {}
    written: dict[str, str] = {}  # names by text
    for part in scored:
        if part.metric.result is None:
            continue
        name, text = _source(part.metric)
        if text not in written:
            wanted = f"{part.name}_score" if name == "result" else name
            written[text] = unique(wanted, taken)
            taken.add(written[text])
        names[part.name] = written[text]
    texts = [re.sub(r"^def \w+", f"def {name}", text) for text, name in written.items()]
    return names, texts


def _source(metric: Metric) -> tuple[str, str]:
    """Name and text of a metric's `result`. DefinitionError unless it can stand by itself."""
    function, where = metric.result, f"{type(metric).__name__}.result"
    assert function is not None
    if inspect.ismethod(function) or not inspect.isfunction(function):
        raise DefinitionError(
            f"{where} must be a function of what was combined, without self: put @staticmethod above it"
        )
    try:
        text = textwrap.dedent(inspect.getsource(function))
        node = ast.parse(text).body[0]
    except (OSError, TypeError, SyntaxError):
        node = None
    if not isinstance(node, ast.FunctionDef):
        raise DefinitionError(
            f"{where}: its text, which training programs hold, is not to be found. "
            "Write it with def, in a file"
        )
    _check_names(function, where)
    for name in metric.settings():
        if not hasattr(metric, name):
            raise DefinitionError(f"{where} takes {name!r}, which {type(metric).__name__} has not")
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
    return node.name, "\n".join(part for line in lines for part in wrap(line))


def _check_names(function: Callable[..., Any], where: str) -> None:
    """Only np, builtins and what is given are there in the text of a training program."""
    code = function.__code__
    unknown = [
        name
        for name in code.co_names
        if function.__globals__.get(name, np) is not np and not hasattr(builtins, name)
    ]
    unknown += code.co_freevars
    if unknown:
        raise DefinitionError(
            f"{where} uses {unknown[0]!r}. Its text stands alone in training programs: it may use "
            "np, its arguments, which are attributes of the metric, and what Python has"
        )
