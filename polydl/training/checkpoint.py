"""Checkpoint: when a run is written down, and where."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Literal

from polydl.errors import DefinitionError
from polydl.spec.arguments import known_arguments

LAST, BEST = "last.safetensors", "best.safetensors"
NUMBERED = "step-*.safetensors"


@known_arguments()
@dataclass(frozen=True)
class Checkpoint:
    """Write what a run needs to go on, as it goes: `fit(..., resume=True)` goes on from the last.

    folder: made if it is not there. `last.safetensors` in it is the newest. every_epochs:
    after every so many. every_steps: after every step whose number is a multiple of it (Keras looks up
    between executions, of up to ten steps, and writes at the first look after one). best: a score, such
    as "val_loss", whose best epoch is kept as `best.safetensors`; mode: whether its "min" or "max" is
    best, where the metric does not say it. keep: how many of the run's newest are kept besides, as
    `step-00000120.safetensors`; those that other runs have left in the folder stay.

    Each file is one model with its weights, which `dl.load` opens on any backend, and the state of the
    run. It is complete or not there: written under another name, synced, and moved into place.
    `best.safetensors` holds the weights that were scored: where a training keeps averages of weights,
    validation scores are theirs, and so are the weights of this file; a run that goes on from it does
    so with its own.
    """

    folder: str
    every_epochs: int | None = 1
    every_steps: int | None = None
    best: str | None = None
    mode: Literal["min", "max"] | None = None
    keep: int = 0

    def apart(self, name: str) -> Checkpoint:
        """As of Callback: a folder in this one."""
        return replace(self, folder=os.path.join(self.folder, name))

    def __post_init__(self) -> None:
        if not isinstance(self.folder, (str, os.PathLike)) or not str(self.folder):
            raise DefinitionError(f"Checkpoint: folder must be a path, got {self.folder!r}")
        object.__setattr__(self, "folder", os.fspath(self.folder))
        for name, least in (("every_epochs", 1), ("every_steps", 1), ("keep", 0)):
            value = getattr(self, name)
            if value is None and name != "keep":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise DefinitionError(
                    f"Checkpoint: {name} must be an integer of {least} or more, got {value!r}"
                )
        if self.every_epochs is None and self.every_steps is None and self.best is None:
            raise DefinitionError(
                "Checkpoint: it is never written: give every_epochs, every_steps or best"
            )
        if self.mode not in ("min", "max", None):
            raise DefinitionError(f"Checkpoint: mode must be 'min' or 'max', got {self.mode!r}")
