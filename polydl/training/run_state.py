"""What a run needs to go on, in one safetensors file: for the same backend, or for another.

Weights lie in it under their canonical paths, with the Program, so that `dl.load` opens it as it opens
any saved model. What else a run has carries the prefix `run:`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from polydl.errors import CheckpointError, WeightsError
from polydl.program.types import Program
from polydl.weights.files import RUN_PREFIX, read_run, save_run

Arrays = dict[str, np.ndarray]
FORMAT = 1


@dataclass
class RunState:
    """A run between two updates.

    step: updates made. epoch: the one that is running, from 0.
    done: what its steps have given so far (scores, sizes of batches, arrays that metrics gather);
    losses: of all steps before it; epochs: the scores of the epochs before it. best: of the score that
    is watched.
    optimizer: by path and slot; averages: by path; random: the framework's own generators, by names
    that only its backend knows. callbacks: what each has kept, in order; steering: what those of the
    program have, by name, and best_weights, of the best epoch. scale: of a loss in float16. kept:
    steps of the numbered files that the run has written and kept. about: what the run is of, and must
    be of when it goes on.
    """

    step: int
    epoch: int
    done: list[np.ndarray]
    losses: np.ndarray
    epochs: list[dict[str, Any]]
    weights: Arrays
    optimizer: dict[str, Arrays]
    about: dict[str, Any]
    averages: Arrays = field(default_factory=dict)
    random: Arrays = field(default_factory=dict)
    callbacks: list[Any] = field(default_factory=list)
    scale: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    steering: dict[str, Any] = field(default_factory=dict)
    best_weights: Arrays = field(default_factory=dict)
    kept: list[int] = field(default_factory=list)


# what is said of a run besides arrays
_PARTS: dict[str, type] = {
    "step": int, "epoch": int, "epochs": list, "slots": dict, "callbacks": list, "steering": dict,
    "scale": dict, "about": dict, "kept": list,
}  # fmt: skip


def write_checkpoint(
    path: str | os.PathLike[str], program: Program, state: RunState, averaged: bool = False
) -> None:
    """Write a run's state. A file that is there is replaced in one step, by a complete one.

    averaged: the averages are the file's weights, and those that train on are part of the run's state.
    Raises CheckpointError; the file before is whole then.
    """
    arrays = {f"{RUN_PREFIX}losses": state.losses}
    arrays |= {f"{RUN_PREFIX}done:{number}": array for number, array in enumerate(state.done)}
    for at, slots in state.optimizer.items():
        for slot, value in slots.items():
            arrays[f"{RUN_PREFIX}optimizer:{slot}:{at}"] = value
    weights, kinds = state.weights, {"random": state.random, "best": state.best_weights}
    if averaged:
        weights = {**weights, **state.averages}
        kinds["trained"] = {path: state.weights[path] for path in state.averages}
    else:
        kinds["average"] = state.averages
    for kind, found in kinds.items():
        arrays |= {f"{RUN_PREFIX}{kind}:{name}": value for name, value in found.items()}
    kept = {
        "format": FORMAT,
        "step": state.step,
        "epoch": state.epoch,
        "best": state.best,
        "epochs": state.epochs,
        "slots": {at: list(slots) for at, slots in state.optimizer.items()},
        "callbacks": state.callbacks,
        "steering": state.steering,
        "scale": state.scale,
        "kept": state.kept,
        "about": state.about,
    }
    try:
        save_run(path, program, weights, arrays, json.dumps(kept))
    except WeightsError as error:
        raise CheckpointError(
            f"{error}. The checkpoint before is whole; make room or give another folder, and go on "
            "with fit(..., resume=True)"
        ) from error


def read_checkpoint(path: str | os.PathLike[str]) -> tuple[Program, RunState]:
    """The model and the state of a run. Reading runs nothing that the file brings.

    Raises CheckpointError for what is no checkpoint, or not complete.
    """
    name = os.fspath(path)
    try:
        program, weights, arrays, text = read_run(path)
        kept = json.loads(text)
    except WeightsError as error:
        raise CheckpointError(f"{error}") from error
    except ValueError as error:
        raise CheckpointError(f"{name}: what it says of its run is no JSON: {error}") from error
    if not isinstance(kept, dict) or kept.get("format") != FORMAT:
        raise CheckpointError(
            f"{name} is of another format of checkpoints; this polydl reads {FORMAT}"
        )
    for part, kind in _PARTS.items():
        if not isinstance(kept.get(part), kind):
            raise CheckpointError(f"{name} lacks a part of a run: {part!r} is {kept.get(part)!r}")
    trained = _of_kind(arrays, "trained")
    averages = {path: weights[path] for path in trained} or _of_kind(arrays, "average")
    try:
        return program, RunState(
            step=kept["step"],
            epoch=kept["epoch"],
            best=kept["best"],
            done=[arrays[f"done:{number}"] for number in range(len(_of_kind(arrays, "done")))],
            losses=arrays["losses"],
            epochs=kept["epochs"],
            weights={**weights, **trained},
            optimizer={
                at: {slot: arrays[f"optimizer:{slot}:{at}"] for slot in slots}
                for at, slots in kept["slots"].items()
            },
            about=kept["about"],
            averages=averages,
            random=_of_kind(arrays, "random"),
            callbacks=kept["callbacks"],
            steering=kept["steering"],
            best_weights=_of_kind(arrays, "best"),
            scale=kept["scale"],
            kept=kept["kept"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{name} lacks a part of a run: {error}") from error


def _of_kind(arrays: Mapping[str, np.ndarray], kind: str) -> Arrays:
    return {n.partition(":")[2]: v for n, v in arrays.items() if n.startswith(f"{kind}:")}
