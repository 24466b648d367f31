"""Training loops that people copy against the emitted one, whole epochs of both.

    python benchmarks/textbook_speed.py --framework torch|keras|flax [--threads 2] [--clock cpu]
        [--ways DataLoader] [--batch-size 32]

Prints a line of JSON for each model and way of bringing batches, how many times as long the textbook's
loop takes, and one for their geometric mean over the models, which has a limit: the textbook must take
1.2 times as long on torch and Flax. Keras' `compile` and `fit` have none, nor has another batch size.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import sizes
from benchmarks.sizes import TEXTBOOK_MODELS
from benchmarks.step_speed import FIT_STEPS, FRAMEWORKS, pin
from benchmarks.timing import CLOCKS, Candidate, Clock, compare

STEPS = {"torch": 16, "flax": 16, "keras": FIT_STEPS}  # an epoch's
AT_LEAST = {"torch": 1.2, "flax": 1.2}
# the way that has the limit: that of most tutorials, which shuffles as our loop does
LIMITED = {"torch": "DataLoader", "flax": "nnx.jit"}


def timed(loop: Any, steps: int, clock: Clock) -> Candidate:
    """Seconds a step: of a whole epoch, or of what measures itself."""
    if hasattr(loop, "seconds_per_step"):
        return lambda: loop.seconds_per_step(clock)

    def seconds() -> float:
        start = clock()
        loop()
        return (clock() - start) / steps

    return seconds


def measure(
    framework: str, model: str, way: str, make: Callable[..., Any], clock: Clock
) -> dict[str, Any]:
    import numpy as np

    from benchmarks.data import batches
    from benchmarks.ours import OurEpoch

    steps = STEPS[framework]
    made = batches(model, steps)
    x, y = (np.concatenate(arrays) for arrays in zip(*made, strict=True))
    ours = OurEpoch(model, framework, x, y)
    loops = [ours, make(model, x, y), make(model, x, y)]
    found = compare(*(timed(loop, steps, clock) for loop in loops), clock=clock, budget=15.0)
    return {
        "what": f"{framework} {model}: textbook loop ({way}) to ours",
        "value": 1.0 / found.ratio,
        "spread": found.spread,
        "ours_ms": 1e3 * found.ours,
        "textbook_ms": 1e3 * found.expert,
        "rounds": found.rounds,
        "quiet": found.quiet,
    }


def mean(
    framework: str, way: str, factors: Sequence[float], batch_size: int | None = None
) -> dict[str, Any]:
    """The row of the geometric mean."""
    value = statistics.geometric_mean(factors)
    limited = way == LIMITED.get(framework) and batch_size is None
    least = AT_LEAST.get(framework) if limited else None
    what = f"{framework}: textbook loop ({way}) to ours, geometric mean"
    if least is None:
        return {"what": what, "value": value}
    return {"what": f"{what} (at least)", "value": value, "limit": least, "pass": value >= least}


def rows(
    framework: str,
    models: Sequence[str],
    ways: Sequence[str],
    clock: Clock,
    batch_size: int | None = None,
) -> Iterator[dict[str, Any]]:
    textbook = importlib.import_module(f"benchmarks.textbook.{framework}_textbook")
    for way, make in textbook.WAYS.items():
        if ways and way not in ways:
            continue
        factors = []
        for model in models:
            row: dict[str, Any] = {"framework": framework, "model": model, "way": way}
            row |= {} if batch_size is None else {"batch_size": batch_size}
            try:
                row |= measure(framework, model, way, make, clock)
                factors.append(row["value"])
            except Exception as error:  # the other rows are still measured
                row["what"] = f"textbook {model} ({way}) failed: {type(error).__name__}: {error}"
                row["pass"] = False
            yield row
        if len(factors) == len(TEXTBOOK_MODELS):  # the limit is about all of them
            yield {"framework": framework, "way": way, **mean(framework, way, factors, batch_size)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--framework", choices=FRAMEWORKS, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", nargs="+", choices=TEXTBOOK_MODELS, default=TEXTBOOK_MODELS)
    parser.add_argument("--ways", nargs="+", default=(), help="of bringing batches; all by default")
    parser.add_argument("--batch-size", type=int, help="of all models, in place of each one's own")
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall")
    options = parser.parse_args()
    pin(options.threads)
    name = f"benchmarks.textbook.{options.framework}_textbook"
    importlib.import_module(name).set_threads(options.threads)
    if options.batch_size is not None:
        sizes.BATCHES.update(dict.fromkeys(sizes.BATCHES, options.batch_size))
    clock = CLOCKS[options.clock]
    for row in rows(options.framework, options.models, options.ways, clock, options.batch_size):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
