"""What a run is of: a checkpoint goes on only with the same, and says what differs."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from polydl.backend import Backend, Options
from polydl.callbacks.watching import Watching
from polydl.errors import CheckpointError
from polydl.program.json import to_json
from polydl.program.regions import Reach
from polydl.program.types import Program
from polydl.training.serialization import described
from polydl.training.settings import Training

# what may be another when a run goes on; of callbacks, all but those of the program
FREE = ("epochs", "callbacks", "checkpoint", "resumed", "steps_per_execution")


def identity(
    program: Program,
    training: Training,
    backend: Backend,
    options: Options,
    data: Sequence[np.ndarray] | None,
) -> dict[str, Any]:
    """As plain data. data: the samples, where they are arrays."""
    settings = {k: v for k, v in described(training).items() if k not in FREE}
    in_program = [callback for callback in training.callbacks if isinstance(callback, Watching)]
    deciding = [{"kind": callback.kind, **callback.config()} for callback in in_program]
    settings["callbacks"] = sorted(deciding, key=lambda one: str(one["kind"]))
    return {
        "backend": backend.name,
        "versions": backend.versions(),
        "device": options.device,
        "dtype": options.dtype,
        "draws": draws(program),
        "program": hashlib.sha256(to_json(program).encode()).hexdigest(),
        "training": settings,
        "data": None if data is None else [_fingerprint(array) for array in data],
    }


def draws(program: Program) -> bool:
    """Whether the model takes random numbers."""
    return Reach(program.blocks, "random_bits").block("") is not None


def check_identity(saved: dict[str, Any], now: dict[str, Any], where: str) -> None:
    """Raise CheckpointError where a run of `saved` cannot go on as one of `now`."""
    if saved["program"] != now["program"]:
        raise CheckpointError(
            f"{where} is of another model. Compile the model that it was made of (dl.load opens it), "
            "or load its weights alone with net.load_weights"
        )
    if saved["dtype"] != now["dtype"]:
        raise CheckpointError(
            f"{where} is of a run in {saved['dtype']}, this net is in {now['dtype']}. Compile with "
            f"dtype={saved['dtype']!r}"
        )
    for name, value in now["training"].items():
        before = saved["training"].get(name)
        if before != value:
            raise CheckpointError(
                f"{where} is of a run with {name}={_shown(before)}, this one has {_shown(value)}. Go "
                "on with the same, or load its weights alone with net.load_weights"
            )
    if saved["data"] != now["data"]:
        raise CheckpointError(
            f"{where} is of a run on other data: {_difference(saved['data'], now['data'])}. Give "
            "the same samples in the same order"
        )
    moved = saved["backend"] != now["backend"]
    if moved and saved["draws"] and now["training"]["randomness"] == "native":
        raise CheckpointError(
            f"{where} is of a run on {saved['backend']} that draws from the framework's own "
            f"generator, whose numbers {now['backend']} cannot draw: the run would be another. Runs "
            'with Training(randomness="portable") can move'
        )


def _fingerprint(array: np.ndarray) -> list[Any]:
    bytes_ = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
    return [list(array.shape), array.dtype.name, zlib.crc32(bytes_.data)]


def _difference(saved: Any, now: Any) -> str:
    if saved is None or now is None:
        return "arrays there, batches here" if now is None else "batches there, arrays here"
    shapes = [tuple(part[0]) for part in saved], [tuple(part[0]) for part in now]
    if shapes[0] != shapes[1]:
        return f"arrays of the shapes {shapes[0]} there, {shapes[1]} here"
    return "the same shapes, but other numbers"


def _shown(value: Any) -> str:
    """A setting as it is written in Python, nearly."""
    if isinstance(value, dict) and "kind" in value:
        name = str(value["kind"]).partition(":")[2].partition("@")[0] or value["kind"]
        given = ", ".join(f"{k}={_shown(v)}" for k, v in value.items() if k != "kind")
        return f"{name}({given})"
    if isinstance(value, list):
        return f"[{', '.join(_shown(item) for item in value)}]"
    return repr(value)
