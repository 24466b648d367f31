"""Emitted source in a process where polydl cannot be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polydl.program.types import Structure

Array = np.ndarray[Any, Any]
Ways = dict[str, list[Array]]  # how the model was made -> its outputs
TIMEOUT = 300

BLOCKER = """
import importlib.abc
import sys


class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].startswith("polydl"):
            raise ImportError(f"{name} is blocked")


sys.meta_path.insert(0, Blocked())
try:
    import polydl
except ImportError:
    pass
else:
    raise SystemExit("polydl can be imported here")
"""
RUNNER = (
    f"""{BLOCKER}
import json
import traceback
import types
from pathlib import Path

import numpy as np
"""
    + '''


def executed(source, name):
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, f"<{name}>", "exec"), module.__dict__)
    return module


def nested(structure, leaves):
    """Arrays nested as the program says; leaves is an iterator."""
    if structure is None:
        return next(leaves)
    kind, parts = structure
    if kind == "dict":
        return {name: nested(part, leaves) for name, part in parts.items()}
    return tuple(nested(part, leaves) for part in parts)


def flat(structure, tree):
    if structure is None:
        return [np.asarray(tree)]
    kind, parts = structure
    pairs = parts.items() if kind == "dict" else enumerate(parts)
    return [leaf for key, part in pairs for leaf in flat(part, tree[key])]


def run(job, folder):
    source = (folder / "model.py").read_text(encoding="utf-8")
    with np.load(folder / "arrays.npz") as file:
        arrays = [file[f"a{i}"] for i in range(job["arrays"])]

    def outputs(model):
        return flat(job["outputs"], call(model, arrays, nested(job["inputs"], iter(arrays))))

    results = {}
    if not job["trains"]:
        for way, model in others(source, job["entry"], folder):
            results[way] = outputs(model)
    module = executed(source, job["name"])
    model = restore(module, job["entry"], folder)
    if job["trains"]:
        *inputs, targets = arrays
        results["fit"] = [module.fit(module.Trainer(model), inputs, targets)[0]]
    else:
        results["source"] = outputs(model)
    named = {f"{way}:{i}": x for way, found in results.items() for i, x in enumerate(found)}
    np.savez(folder / "results.npz", **named)


for job in json.loads(Path("jobs.json").read_text(encoding="utf-8")):
    try:
        run(job, Path(job["name"]))
    except Exception:
        Path(job["name"], "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
'''
)


@dataclass(frozen=True)
class Job:
    """One emitted text, in a folder of its name that holds model.py, arrays.npz and weights.

    inputs, outputs: how the program nests them. trains: run its `fit` on (*inputs, targets) instead
    of calling its model.
    """

    name: str
    entry: str
    arrays: int
    inputs: Structure
    outputs: Structure
    trains: bool = False


def prepare(root: Path, job: Job, source: str, arrays: Sequence[Array]) -> Path:
    """The job's folder, for weights to be put into."""
    folder = root / job.name
    folder.mkdir()
    (folder / "model.py").write_text(source, encoding="utf-8")
    np.savez(
        folder / "arrays.npz", allow_pickle=False, **{f"a{i}": x for i, x in enumerate(arrays)}
    )
    return folder


def run_alone(root: Path, jobs: Sequence[Job], alone: str) -> dict[str, Ways | str]:
    """By job: outputs by way, or what went wrong. RuntimeError if the process itself failed."""
    (root / "jobs.json").write_text(json.dumps([asdict(job) for job in jobs]), encoding="utf-8")
    (root / "runner.py").write_text(f"{alone}\n{RUNNER}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "runner.py"], cwd=root, capture_output=True, text=True, timeout=TIMEOUT
    )
    if done.returncode:
        raise RuntimeError(f"emitted source failed without polydl:\n{done.stderr[-3000:]}")
    return {job.name: _results(root / job.name) for job in jobs}


def _results(folder: Path) -> Ways | str:
    error = folder / "error.txt"
    if error.exists():
        return error.read_text(encoding="utf-8")
    found: Ways = {}
    with np.load(folder / "results.npz") as file:
        for key in sorted(file.files, key=lambda k: int(k.rpartition(":")[2])):
            found.setdefault(key.rpartition(":")[0], []).append(file[key])
    return found
