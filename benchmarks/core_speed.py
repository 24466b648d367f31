"""How long polydl itself takes: to import, and to trace and emit deep models.

    python benchmarks/core_speed.py [--backends torch keras flax] [--clock cpu]

Prints one line of JSON for each measure.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if not __package__:
    sys.path[0] = str(ROOT)

BACKENDS = ("torch", "keras", "flax")
FRAMEWORKS = ("torch", "tensorflow", "keras", "jax", "flax", "optax")
IMPORT_LIMIT_MS = 150.0
EMIT_LIMIT_MS = 500.0
GROWTH_LIMIT = 2.2  # 100 blocks to 50

USE = "import polydl as dl; dl.Sequential(dl.Dense(8)), dl.Input((None, 8)), dl.trace, dl.compile"
LOADED = f"import sys; print(*[name for name in {FRAMEWORKS} if name in sys.modules])"


def children_time() -> float:
    """CPU time of finished subprocesses."""
    times = os.times()
    return times.children_user + times.children_system


def import_ms(code: str, clock: str, runs: int = 10) -> float:
    """What the code adds to a bare interpreter: a median of differences, in turns."""
    now = children_time if clock == "cpu" else time.perf_counter

    def fresh(code: str) -> float:
        start = now()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        return 1e3 * (now() - start)

    fresh(code)  # writes bytecode
    differences = []
    for _ in range(runs):
        bare = fresh("pass")
        differences.append(fresh(code) - bare)
    return statistics.median(differences)


def imports(clock: str) -> Iterator[dict[str, Any]]:
    yield row("import polydl, ms", import_ms("import polydl", clock), IMPORT_LIMIT_MS)
    yield row("import polydl and use its first names, ms", import_ms(USE, clock), None)
    command = [sys.executable, "-c", f"{USE}; {LOADED}"]
    loaded = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout
    yield row(f"frameworks loaded by import {loaded.strip()}".strip(), len(loaded.split()), 0)


def emissions(backend: str, clock: str) -> Iterator[dict[str, Any]]:
    """Medians of 5, in turns, after one run that imports the backend."""
    from benchmarks.models import deep
    from benchmarks.ours import emit
    from benchmarks.timing import CLOCKS, interleave
    from polydl import trace

    def trace_and_emit(blocks: int) -> None:
        emit(trace(*deep(blocks)), backend)

    trace_and_emit(50)
    runs = {"half": lambda: trace_and_emit(50), "whole": lambda: trace_and_emit(100)}
    found = interleave(runs, rounds=5, inner=1, clock=CLOCKS[clock])
    half, whole = (1e3 * statistics.median(found[name]) for name in ("half", "whole"))
    yield row(f"{backend}: trace and emit 50 blocks, ms", half, EMIT_LIMIT_MS)
    yield row(f"{backend}: trace and emit 100 blocks, to 50", whole / half, GROWTH_LIMIT)


def row(what: str, value: float, limit: float | None) -> dict[str, Any]:
    return {"what": what, "value": value, "limit": limit, "pass": limit is None or value <= limit}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="*", choices=BACKENDS, default=BACKENDS)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    options = parser.parse_args()
    for found in imports(options.clock):
        print(json.dumps(found), flush=True)
    for backend in options.backends:
        try:
            for found in emissions(backend, options.clock):
                print(json.dumps(found), flush=True)
        except Exception as error:  # the other backends are still measured
            what = f"{backend}: trace and emit failed: {type(error).__name__}: {error}"
            print(json.dumps({"what": what, "pass": False}), flush=True)


if __name__ == "__main__":
    main()
