"""Metrics by name, as the history calls them."""

from __future__ import annotations

import dataclasses
from typing import Any

from polydl.errors import DefinitionError, nearest
from polydl.metrics.metric import Metric


def named(name: str, loss: Any) -> Metric:
    """The metric of a name ("f1", or "F1Score"), for outputs and targets as a loss takes them.

    It has the loss's threshold, where each output is a label, and its ignored label. Raises
    DefinitionError, with the nearest name, for one that there is not.
    """
    from polydl import metrics

    classes = [getattr(metrics, part) for part in metrics.__all__ if part != "Metric"]
    known = {cls.name: cls for cls in classes}
    alike = {_plain(spelt): cls for cls in classes for spelt in (cls.name, cls.__name__)}
    cls = alike.get(_plain(name))
    if cls is None:
        raise DefinitionError(
            f"Training: there is no metric {name!r}. {nearest(name, list(known))}"
        )
    fields = {field.name for field in dataclasses.fields(cls)}
    settings = {"threshold": loss.threshold, "ignore_index": getattr(loss, "ignore_index", None)}
    return cls(
        **{key: value for key, value in settings.items() if key in fields and value is not None}
    )


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
