"""Whether input starves the step: a run on batches from elsewhere against one on arrays.

    python benchmarks/input_speed.py --framework torch|keras|flax [--threads 2] [--batches 60]

Prints a line of JSON for each kind of input: milliseconds a step, the ratio to the step on arrays, and
the share of the run in which the loop waits for a batch, medians over rounds in which all kinds take
turns. The wall's clock, for a thread counts where it is waited for. A kind passes if it waits for at
most a twentieth of the run. Those without a thread are shown for what it saves, and have no limit; nor
has the ratio, for it holds what making the batches takes of the cores that the step runs on. JAX's
loop is far ahead of its steps: there the clock starts when the step before has run to its end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.step_speed import FRAMEWORKS, pin
from benchmarks.timing import interleave, spread_of

MODEL = "simple_cnn"
EPOCHS = 2  # of which the second is timed
WAITING = 0.05
LOADING = 0.3  # of a step: how long a batch of the slow source takes to come


class Waiting:
    """Seconds in which loops wait for batches of a thread, but for each epoch's first."""

    def __init__(self, settle: Callable[[], None]) -> None:
        from polydl.sources.prefetch import Prefetch

        self.seconds, taken = 0.0, Prefetch.__next__

        def clocked(items: Prefetch) -> Any:
            settle()
            start, first = time.perf_counter(), items.thread is None
            try:
                return taken(items)
            finally:
                self.seconds += 0.0 if first else time.perf_counter() - start

        Prefetch.__next__ = clocked  # type: ignore[method-assign]


def settle(framework: str) -> Callable[[], None]:
    """What waits for the steps that are under way, where they return before they have run."""
    if framework != "flax":
        return lambda: None
    import jax

    return lambda: jax.block_until_ready([x for x in jax.live_arrays() if not x.is_deleted()])


def epoch_seconds(
    net: Any, training: Any, data: Any, prefetch: int, waiting: Waiting, shares: list[float]
) -> Callable[[], float]:
    """Seconds of the last epoch of a run; the share of waiting in it goes to shares."""

    def run() -> float:
        ends: list[tuple[float, float]] = []
        net.fit(
            training,
            data,
            progress=False,
            after_epoch=lambda epoch, scores: ends.append((time.perf_counter(), waiting.seconds)),
            prefetch=prefetch,
        )
        elapsed, waited = (end - start for start, end in zip(*ends[-2:], strict=True))
        shares.append(waited / elapsed)
        return elapsed

    return run


def measure(framework: str, count: int, rounds: int) -> Iterator[dict[str, Any]]:
    import numpy as np

    import polydl as dl
    from benchmarks import models
    from benchmarks.data import batches

    made = batches(MODEL, count)
    x, y = (np.concatenate(arrays) for arrays in zip(*made, strict=True))
    size = len(made[0][0])
    augment = [dl.RandomFlip(), dl.RandomCrop(), dl.Cutout()]
    plain = dl.Training(dl.CrossEntropy(), dl.Adam(), batch_size=size, epochs=EPOCHS)
    augmented = dl.Training(dl.CrossEntropy(), dl.Adam(), batch_size=size, epochs=EPOCHS,
                            augment=augment)  # fmt: skip
    step = [0.0]

    def slow(epoch: int) -> Iterator[Any]:
        for batch in made:
            time.sleep(LOADING * step[0])
            yield batch

    kinds = {
        "arrays": (plain, (x, y), 2),
        "arrays again": (plain, (x, y), 2),
        "a list of batches": (plain, made, 2),
        "a slow generator": (plain, slow, 2),
        "a slow generator, no thread": (plain, slow, 0),
        "augmented arrays": (augmented, (x, y), 2),
        "augmented arrays, no thread": (augmented, (x, y), 0),
    }
    waiting = Waiting(settle(framework))
    shares: dict[str, list[float]] = {name: [] for name in kinds}
    runs = {
        name: epoch_seconds(
            dl.compile(*models.define(MODEL), backend=framework), *kind, waiting, shares[name]
        )
        for name, kind in kinds.items()
    }
    step[0] = runs["arrays"]() / count
    for run in runs.values():
        run()
    found = interleave(runs, rounds, 1)
    base = found["arrays"]
    spread = spread_of([a / b for a, b in zip(found["arrays again"], base, strict=True)])
    for name, values in found.items():
        if name == "arrays":
            continue
        ratio = statistics.median(a / b for a, b in zip(values, base, strict=True))
        share = statistics.median(shares[name][-rounds:])
        row = {"framework": framework, "model": MODEL, "input": name, "spread": spread}
        row |= {"ms": 1e3 * statistics.median(values) / count}
        yield {**row, "what": f"{framework}, {name}: a step to that on arrays", "value": ratio}
        if "no thread" not in name and "again" not in name:
            what = f"{framework}, {name}: share of the run that waits for batches"
            yield {**row, "what": what, "value": share, "limit": WAITING, "pass": share <= WAITING}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--framework", choices=FRAMEWORKS, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    pin(options.threads)
    for row in measure(options.framework, options.batches, options.rounds):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
