"""From the settings of a Training to its heads: a loss, metrics and weights for each output."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from polydl.errors import DefinitionError, nearest
from polydl.losses.loss import Loss
from polydl.metrics.metric import Metric
from polydl.metrics.named import named
from polydl.training.heads import Head

METRICS = "metrics must be dl.Metric objects, or their names, in a list"


def heads_of(loss: Any, loss_weights: Any, metrics: Any, weights: Any) -> tuple[Head, ...]:
    """A head for each output that has a loss. Raises DefinitionError for settings that do not fit."""
    if isinstance(loss, Mapping):
        losses = {key: one for key, one in loss.items() if one is not None}
        for key in losses:
            good = isinstance(key, str) and re.fullmatch(r"[\w .:/-]+", key)
            _require(
                bool(good), "outputs in a dict have names of letters, digits and ' .:/-_'", key
            )
    elif isinstance(loss, (tuple, list)):
        losses = {i: one for i, one in enumerate(loss) if one is not None}
    else:
        _require(loss_weights is None, "loss_weights are for a loss for each of several outputs",
                 loss_weights)  # fmt: skip
        only = (_head(None, _checked(loss), metrics, 1.0, weights),)
        _check_validation_names(only)
        return only
    _require(bool(losses), "loss must have a dl.Loss for at least one output", loss)
    shared = isinstance(weights, str)
    factors = _by_output(loss, loss_weights, "loss_weights")
    scored = _by_output(loss, metrics, "metrics")
    kinds = {} if shared else _by_output(loss, weights, "weights")
    heads = tuple(
        _head(key, _checked(one), scored.get(key, ()), _factor(factors.get(key, 1.0)),
              weights if shared else kinds.get(key), shared)
        for key, one in losses.items()
    )  # fmt: skip
    _require(not shared or weights == "sample",
             "weights of several outputs are of each 'sample', or said by output", weights)  # fmt: skip
    _check_names(heads)
    _check_validation_names(heads)
    return heads


def nested_metrics(loss: Any, heads: Sequence[Head]) -> Any:
    """The metrics of heads, as they are given beside such a loss."""
    if heads[0].key is None:
        return heads[0].metrics
    by_key = {head.key: head.metrics for head in heads}
    if isinstance(loss, Mapping):
        return by_key
    return tuple(by_key.get(i, ()) for i in range(len(loss)))


def _head(
    key: Any, loss: Loss, metrics: Any, weight: float, weights: Any, shared: bool = False
) -> Head:
    """One head, whose parts fit each other."""
    listed = isinstance(metrics, Sequence) and not isinstance(metrics, str)
    _require(listed, METRICS, metrics)
    made = tuple(named(m, loss) if isinstance(m, str) else m for m in metrics)
    for metric in made:
        _require(isinstance(metric, Metric), "metrics must be dl.Metric", metric)
        good = str(metric.name).isidentifier()
        _require(good, "a metric's name must be an identifier", metric.name)
    names = [metric.name for metric in made]
    _require(len(set(names)) == len(names) and "loss" not in names,
             "metrics must have different names, none of them 'loss'", names)  # fmt: skip
    name = type(loss).__name__
    _require(loss.reduction != "none",
             f"the loss must give one number: {name} needs another reduction, such as 'mean'",
             loss.reduction)  # fmt: skip
    _require(loss.target_dtype is not None or not made,
             f"{name} takes no targets, which metrics need", made)  # fmt: skip
    _require(weights in (None, "sample", "element"),
             "weights must be None, 'sample' or 'element'", weights)  # fmt: skip
    _require(weights is None or loss.takes_weights(),
             f"{name} takes no weights. Let it define `values` instead of __call__, or take "
             "weights there", weights)  # fmt: skip
    return Head(key, loss, made, weight, weights, shared)


def _by_output(loss: Any, given: Any, what: str) -> dict[Any, Any]:
    """Settings by the keys of outputs, nested as the loss is; those that are None are left out."""
    if given is None or (isinstance(given, (tuple, list)) and not given):
        return {}
    if isinstance(loss, Mapping):
        example = f'{what}={{"{next(iter(loss))}": ...}}'
        _require(isinstance(given, Mapping),
                 f"there is a loss for each of several outputs; say of which output these {what} "
                 f"are, as {example}", given)  # fmt: skip
        for key in given:
            if loss.get(key) is None:
                raise DefinitionError(
                    f"Training: there are {what} for {key!r}, an output without a loss. "
                    f"{nearest(str(key), list(loss))}"
                )
        return {key: value for key, value in given.items() if value is not None}
    listed = isinstance(given, (tuple, list)) and len(given) == len(loss)
    _require(listed, f"there are {len(loss)} outputs; give {what} for each in a tuple, None where "
             "there are none", given)  # fmt: skip
    found = {i: value for i, value in enumerate(given) if value is not None}
    for i, value in found.items():
        _require(loss[i] is not None or not value,
                 f"there are {what} for output {i}, which has no loss", value)  # fmt: skip
    return found


def _factor(given: Any) -> float:
    good = isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given)
    _require(good, "loss_weights must be finite numbers", given)
    return float(given)


def _check_names(heads: Sequence[Head]) -> None:
    """Names that stand for outputs in scores and texts must differ."""
    seen: dict[str, Any] = {}
    for head in heads:
        names = [f"{head.prefix}loss", *head.scores, *head.given.values()]
        for name in dict.fromkeys(names):
            if name in seen and not (head.shared and name == "weights"):
                raise DefinitionError(
                    f"Training: the outputs {seen[name]!r} and {head.key!r} would both have "
                    f"{name!r}. Give one of them another name"
                )
            seen[name] = head.key


def _check_validation_names(heads: Sequence[Head]) -> None:
    """A history holds scores and, as val_..., those of the validation."""
    names = {"loss"}
    for head in heads:
        names |= {f"{head.prefix}loss", *head.scores}
    for name in sorted(names):
        if f"val_{name}" in names:
            raise DefinitionError(
                f"Training: 'val_{name}' would be both a score in training and {name!r} in the "
                "validation. Give the output or the metric another name"
            )


def _checked(loss: Any) -> Loss:
    require_part("loss", loss, Loss, "dl.CrossEntropy()")
    return loss  # type: ignore[no-any-return]


def require_part(what: str, given: Any, base: type, such: str) -> None:
    """One of a class. A name is answered with the nearest there is."""
    if isinstance(given, base):
        return
    near = ""
    if isinstance(given, str):
        package = "losses" if base is Loss else "optimizers"
        names = importlib.import_module(f"polydl.{package}").__all__
        near = f". {nearest(given, names)}"
    raise DefinitionError(
        f"Training: {what} must be a dl.{base.__name__} such as {such}, got {given!r}{near}"
    )


def _require(holds: bool, text: str, given: Any) -> None:
    if not holds:
        raise DefinitionError(f"Training: {text}, got {given!r}")
