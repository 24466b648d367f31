"""Whether a checkpoint's arrays fit the run that is to go on, before any is put into its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from polydl.errors import CheckpointError
from polydl.program.names import shown
from polydl.training.preparation import Prepared
from polydl.training.run_state import RunState

Shapes = dict[str, tuple[int, ...]]


def check_state(state: RunState, prepared: Prepared, device: str, where: str) -> None:
    """Raise CheckpointError, with the file and the entry, for an array that does not fit.

    The weights are checked by who reads them. prepared: the run, as it would begin on its device.
    """
    own = prepared.state
    _require(where, "optimizer", _slots(state.optimizer), _slots(own.optimizer()))
    averages = own.averages() if prepared.training.average is not None else {}
    _require(where, "average", _shapes(state.averages), _shapes(averages))
    if state.random and state.about["backend"] == prepared.backend.name:
        drawn, given = _shapes(prepared.model.random_state()), _shapes(state.random)
        if state.about.get("device") != device:  # one may have a generator that the other lacks
            drawn = {name: shape for name, shape in drawn.items() if name in given}
            given = {name: shape for name, shape in given.items() if name in drawn}
        _require(where, "random", given, drawn)
    if state.best_weights:
        entries = prepared.program.entries.items()
        wanted = {path: tuple(entry.shape) for path, entry in entries}
        wanted |= {f"average:{path}": shape for path, shape in _shapes(averages).items()}
        _require(where, "best", _shapes(state.best_weights), wanted)
    _check_results(state, where)


def _check_results(state: RunState, where: str) -> None:
    """Of the running epoch's steps, one after the other: scores, sizes, what metrics gather."""
    _require(where, "losses", {"": state.losses.shape}, {"": (state.losses.size,)})
    if not state.done:
        return
    _require(where, "done", {"0": (state.done[0].ndim,)}, {"0": (2,)}, "axes")
    sizes = {"1": np.shape(state.done[1])} if len(state.done) > 1 else {}
    _require(where, "done", sizes, {"1": (len(state.done[0]),)})


def _slots(found: Mapping[str, Mapping[str, np.ndarray]]) -> Shapes:
    return {f"{slot}:{path}": v.shape for path, own in found.items() for slot, v in own.items()}


def _shapes(found: Mapping[str, Any]) -> Shapes:
    return {name: tuple(np.shape(value)) for name, value in found.items()}


def _require(where: str, kind: str, given: Shapes, wanted: Shapes, what: str = "shape") -> None:
    for name in {**wanted, **given}:
        if given.get(name) == wanted.get(name):
            continue
        entry = shown(f"run:{kind}:{name}".rstrip(":"))
        if name not in given:
            text = f"{entry} is missing"
        elif name not in wanted:
            text = f"{entry} is of nothing that this run has"
        else:
            text = f"the {what} of {entry} is {given[name]}, where this run has {wanted[name]}"
        raise CheckpointError(f"{where}: {text}. The file is damaged: go on from another")
