"""Which outputs of a model have a loss: one without a name, or some of a dict or a tuple."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from polydl.errors import ShapeError, nearest
from polydl.losses.loss import Loss
from polydl.metrics.metric import Metric
from polydl.program.types import Program, Value

if TYPE_CHECKING:
    from polydl.training.settings import Training

Weighted = Literal["sample", "element"]


@dataclass(frozen=True)
class Head:
    """An output with its loss and metrics.

    key: of the output, in the dict or tuple that a model gives; None for a model's one output.
    weight: what its loss counts in the whole. weights: what samples' weights are of, if they have
    some. shared: they are those of all heads.
    """

    key: str | int | None
    loss: Loss
    metrics: tuple[Metric, ...] = ()
    weight: float = 1.0
    weights: Weighted | None = None
    shared: bool = False

    @property
    def prefix(self) -> str:
        """What names of its scores and arrays begin with."""
        if self.key is None:
            return ""
        name = f"output{self.key}" if isinstance(self.key, int) else re.sub(r"\W", "_", self.key)
        return f"_{name}_" if name[0].isdigit() else f"{name}_"

    @property
    def outputs(self) -> str:
        """The text of its output, where `outputs` are the model's."""
        if self.key is None:
            return "outputs"
        key = f'"{self.key}"' if isinstance(self.key, str) else self.key
        return f"outputs[{key}]"

    @property
    def targets(self) -> str:
        """The name of its targets."""
        return f"{self.prefix}targets"

    @property
    def given(self) -> dict[str, str]:
        """Names of the arrays that samples bring for it, by the names that a Loss has for them."""
        found = {} if self.loss.target_dtype is None else {"targets": self.targets}
        if self.weights is not None:
            found["weights"] = "weights" if self.shared else f"{self.prefix}weights"
        return found

    @property
    def scores(self) -> dict[str, Metric]:
        """Metrics by the names of their scores."""
        return {f"{self.prefix}{metric.name}": metric for metric in self.metrics}

    def label(self, what: str) -> str:
        """What an error calls its targets or weights, as they are given."""
        return what if self.key is None else f"{what}[{self.key!r}]"


@dataclass(frozen=True)
class BoundHead:
    """A Head of a Program. output: what it is of. index: which of all, in flat order."""

    head: Head
    output: Value
    index: int


def bound_heads(program: Program, training: Training) -> tuple[BoundHead, ...]:
    """The heads of a Training. Raises ShapeError where the model does not have these outputs."""
    outputs, structure = program.root.outputs, program.outputs
    kind, parts = (None, ()) if structure is None else structure
    if any(part is not None for part in (parts.values() if isinstance(parts, dict) else parts)):
        raise ShapeError(
            "training takes outputs in one dict or tuple; those of this model are nested deeper"
        )
    keys: list[Any] = (
        [None] if kind is None else list(parts if kind == "dict" else range(len(parts)))
    )
    by_key = dict(zip(keys, outputs, strict=True))
    heads, losses = training.heads, training.loss
    _check_keys(keys, [head.key for head in heads], kind)
    if kind == "tuple" and isinstance(losses, tuple) and len(losses) != len(keys):
        raise ShapeError(
            f"this model gives {_listed(keys, kind)}, and there are {len(losses)} losses. Give one for "
            "each, None where there is none"
        )
    found = []
    for head in heads:
        output = by_key[head.key]
        if not isinstance(output, Value):
            raise ShapeError(
                f"the output{'' if head.key is None else f' {head.key!r}'} is a constant: "
                "there is nothing to train"
            )
        found.append(BoundHead(head, output, keys.index(head.key)))
    return tuple(found)


def _check_keys(keys: list[Any], wanted: list[Any], kind: str | None) -> None:
    """keys: of the model's outputs. wanted: those that losses are of."""
    several = f"this model gives {_listed(keys, kind)}"
    if kind is not None and wanted == [None]:
        example = ", ".join(f'"{k}": ...' if kind == "dict" else "..." for k in keys)
        pair = f"{{{example}}}" if kind == "dict" else f"({example}{',' * (len(keys) == 1)})"
        raise ShapeError(f"{several}. Say which output each loss is of: Training(loss={pair})")
    if kind is None and wanted != [None]:
        raise ShapeError(
            "this model gives one output, and not several: give one loss, such as "
            "Training(loss=dl.CrossEntropy())"
        )
    if kind == "tuple" and any(isinstance(key, str) for key in wanted):
        raise ShapeError(f"{several}. Give their losses in a tuple, None where there is none")
    if kind == "dict" and any(isinstance(key, int) for key in wanted):
        raise ShapeError(f"{several}. Give their losses in a dict")
    for key in wanted:
        if key not in keys:
            near = "" if kind == "tuple" else f". {nearest(str(key), keys)}"
            raise ShapeError(f"there is a loss for the output {key!r}, but {several}{near}")


def _listed(keys: list[Any], kind: str | None) -> str:
    if kind == "tuple":
        return f"a tuple of {len(keys)} outputs"
    return f"a dict of the outputs {', '.join(map(repr, keys))}"
