"""A Training as JSON, of polydl's own parts only. Reading runs nothing that a text brings."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from polydl.augment.augmentation import Augmentation
from polydl.averages.average import Average
from polydl.callbacks.callback import Callback
from polydl.errors import DefinitionError, ProgramError, nearest
from polydl.losses.loss import Loss
from polydl.metrics.metric import Metric
from polydl.optimizers.optimizer import Optimizer
from polydl.penalties.penalty import Penalty
from polydl.schedules.schedule import Schedule
from polydl.spec.registry import CLASSES
from polydl.training.checkpoint import Checkpoint
from polydl.training.groups import ParameterGroup
from polydl.training.loss_scale import LossScale
from polydl.training.noise import GradientNoise

if TYPE_CHECKING:
    from polydl.training.settings import Training

FORMAT = 1
# settings that are objects of their own, without a kind
OWN: dict[str, type[Any]] = {
    "checkpoint": Checkpoint,
    "gradient_noise": GradientNoise,
    "loss_scale": LossScale,
}
PARTS = (
    Loss,
    Metric,
    Optimizer,
    Schedule,
    Augmentation,
    Callback,
    Penalty,
    Average,
)  # kind, settings


def to_json(training: Training) -> str:
    written = {f.name: _written(getattr(training, f.name)) for f in fields(training)}
    return json.dumps({"format": FORMAT, **written})


def from_json(text: str) -> Training:
    """Raises ProgramError for what is no Training."""
    from polydl.training.settings import Training

    try:
        given = json.loads(text)
        if given.pop("format") != FORMAT:
            raise ProgramError("a Training of another format version")
        groups = tuple(ParameterGroup(**group) for group in given.pop("groups"))
        for name, kind in OWN.items():
            if given.get(name) is not None:
                given[name] = kind(**given[name])
        return Training(**{name: _built(v) for name, v in given.items()}, groups=groups)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        if isinstance(error, ProgramError):
            raise
        raise ProgramError(f"not a Training: {error}") from None


def described(training: Training) -> dict[str, Any]:
    """Its fields as plain data. Of a user's own parts, which no JSON makes again, what they say."""
    found = {f.name: _written(getattr(training, f.name), own=False) for f in fields(training)}
    return json.loads(json.dumps(found, default=repr))  # type: ignore[no-any-return]


def _written(value: Any, own: bool = True) -> Any:
    """own: only of polydl's own parts."""
    if type(value) in (ParameterGroup, *OWN.values()):
        return asdict(value)
    if isinstance(value, (list, tuple)):
        return [_written(item, own) for item in value]
    if isinstance(value, dict):
        return {key: _written(item, own) for key, item in value.items()}
    if not isinstance(value, PARTS):
        return value
    if own and value.kind not in CLASSES:
        raise DefinitionError(
            f"Training: {value.kind} is not one of polydl's own and cannot be written as JSON. "
            f"{nearest(value.kind, _family(value))}"
        )
    found = value.config().items()
    settings = {name: _written(getattr(value, name, given), own) for name, given in found}
    return {"kind": value.kind, **settings}


def _family(part: Any) -> list[str]:
    """Kinds of polydl's own parts of this sort."""
    base = next(kind for kind in PARTS if isinstance(part, kind))
    return [kind for kind, cls in CLASSES.items() if issubclass(cls, base)]


def _built(data: Any) -> Any:
    """A part from its settings, where they name a kind; whatever else as it is."""
    if isinstance(data, list):
        return tuple(_built(item) for item in data)
    if isinstance(data, dict) and not isinstance(data.get("kind"), str):
        return {key: _built(item) for key, item in data.items()}
    if not isinstance(data, dict):
        return data
    config = dict(data)
    kind = config.pop("kind")
    cls = CLASSES.get(kind)
    if cls is None or not issubclass(cls, PARTS):
        raise ProgramError(f"unknown kind {kind!r}. {nearest(str(kind), list(CLASSES))}")
    return cls(**{name: _built(value) for name, value in config.items()})
