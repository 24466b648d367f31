"""Emitted programs against hand-written ones: training steps and a forward call.

    python benchmarks/step_speed.py --framework torch|keras|flax [--threads 2] [--clock cpu]

Prints one line of JSON for each model and measure. A ratio passes up to 1.05 plus the spread of the
expert against itself; where that spread is large, there is no verdict, and no pass, unless the ratio
is below by as much. `--stand-in`
puts a third copy of the expert in the place of polydl, which tests the harness: every row must pass.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.sizes import MODELS, RECIPE_MODELS
from benchmarks.timing import CLOCKS, Candidate, Clock, compare, interleave

FRAMEWORKS = ("torch", "keras", "flax")
WHATS = ("training step", "recipe step", "forward")
ALLOWED = 1.05
TOO_NOISY = 0.15  # an expert this far from itself proves nothing
STEPS = 10  # a timed call is this many steps, then a wait: what a loop does
FIT_STEPS = 40  # of which the first ten are not timed
FORWARDS = 20


def environment(threads: int) -> dict[str, str]:
    """Variables that pin a process to a number of threads, whatever the framework."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")
    names += ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    eigen = "true" if threads > 1 else "false"
    flags = f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}"
    return {**dict.fromkeys(names, str(threads)), "XLA_FLAGS": flags, "TF_CPP_MIN_LOG_LEVEL": "3"}


def pin(threads: int) -> None:
    """Before the framework is imported."""
    os.environ.update(environment(threads))
    if hasattr(os, "sched_setaffinity"):  # XLA counts the CPUs that it may use
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, set(allowed[:threads]))


def training_run(step: Any, data: list[tuple[Any, Any]], clock: Clock) -> Candidate:
    """Seconds a training step, in the middle of a run."""
    import numpy as np

    if hasattr(step, "seconds_per_step"):
        repeated = list(itertools.islice(itertools.cycle(data), FIT_STEPS))
        x, y = (np.concatenate(arrays) for arrays in zip(*repeated, strict=True))
        return lambda: step.seconds_per_step(x, y, clock)
    cursor = itertools.cycle(data)

    def run() -> None:
        for x, y in itertools.islice(cursor, STEPS):
            step(x, y)
        step.wait()

    return per_call(run, STEPS, clock)


def forward_run(
    forward: Callable[[Any], Any], data: list[tuple[Any, Any]], clock: Clock
) -> Candidate:
    """Seconds a forward call, numpy in and numpy out."""
    cursor = itertools.cycle(data)

    def run() -> None:
        for x, _ in itertools.islice(cursor, FORWARDS):
            forward(x)

    return per_call(run, FORWARDS, clock)


def per_call(run: Callable[[], None], calls: int, clock: Clock) -> Candidate:
    def seconds() -> float:
        start = clock()
        run()
        return (clock() - start) / calls

    return seconds


def fastest(
    ways: Mapping[str, Callable[[], Candidate]], clock: Clock
) -> tuple[str, dict[str, float]]:
    """The fastest way of an expert, and milliseconds of each. A slow one runs once after warming."""
    runs = {name: make() for name, make in ways.items()}
    for run in runs.values():
        run()
    found = interleave(runs, 1, 1, clock)
    best = min(min(values) for values in found.values())
    close = {name: run for name, run in runs.items() if min(found[name]) <= 1.5 * best}
    found |= interleave(close, 4, 1, clock)
    times = {name: 1e3 * statistics.median(values) for name, values in found.items()}
    return min(close, key=times.__getitem__), times


def measure(framework: str, model: str, what: str, stand_in: bool, clock: Clock) -> dict[str, Any]:
    """One row: polydl against the fastest way of the expert."""
    from benchmarks.data import batches

    expert = importlib.import_module(f"benchmarks.experts.{framework}_expert")
    table = getattr(expert, what.removesuffix(" step"))(model)
    timed = forward_run if what == "forward" else training_run
    data = batches(model)
    ways = {name: lambda make=make: timed(make(), data, clock) for name, make in table.items()}
    way, times = fastest(ways, clock) if len(ways) > 1 else (next(iter(ways)), {})
    if stand_in:
        ours = ways[way]()
    else:
        from benchmarks.ours import ours_forward, ours_recipe, ours_step

        made = {"training step": ours_step, "recipe step": ours_recipe, "forward": ours_forward}
        ours = timed(made[what](model, framework), data, clock)
    found = compare(ours, ways[way](), ways[way](), clock=clock)
    limit = ALLOWED + found.spread
    noisy = found.spread > TOO_NOISY and found.ratio > ALLOWED - found.spread
    return {
        "ratio": found.ratio,
        "spread": found.spread,
        "ours_ms": 1e3 * found.ours,
        "expert_ms": 1e3 * found.expert,
        "expert": way,
        "ways_ms": times,
        "rounds": found.rounds,
        "quiet": found.quiet,
        "stand_in": stand_in,
        "limit": limit,
        "noisy": noisy,
        "pass": found.ratio <= limit and not noisy,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--framework", choices=FRAMEWORKS, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--whats", nargs="+", choices=WHATS, default=WHATS)
    parser.add_argument("--stand-in", action="store_true", help="expert in the place of polydl")
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall")
    options = parser.parse_args()
    clock = CLOCKS[options.clock]
    pin(options.threads)
    expert = importlib.import_module(f"benchmarks.experts.{options.framework}_expert")
    expert.set_threads(options.threads)
    for model in options.models:
        for what in options.whats:
            if what == "recipe step" and model not in RECIPE_MODELS:
                continue
            row = {"framework": options.framework, "model": model, "what": what}
            try:
                row |= measure(options.framework, model, what, options.stand_in, clock)
            except Exception as error:  # the other rows are still measured
                row["what"] = f"{what} of {model} failed: {type(error).__name__}: {error}"
                row["pass"] = False
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
