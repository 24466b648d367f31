"""Fair timing on a machine that is never quiet.

Candidates run in turns, so that what slows the machine slows all of them, and only ratios taken
within one round are used. Where it is never quiet at all, time one thread by the CPU's clock: what
other processes take is then not counted.
"""

from __future__ import annotations

import gc
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Candidate = Callable[[], "float | None"]
Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}


def interleave(
    candidates: Mapping[str, Candidate],
    rounds: int,
    inner: int,
    clock: Clock = time.perf_counter,
    first_round: int = 0,
) -> dict[str, list[float]]:
    """Seconds a call: for each candidate, each round's median over `inner` calls.

    Each round starts with another candidate and every second one goes backwards, so that none
    always follows the same one. The garbage collector runs between rounds and never inside one. A
    candidate that returns a number has measured itself, in seconds, and that number counts.
    """
    names = list(candidates)
    medians: dict[str, list[float]] = {name: [] for name in names}
    for number in range(first_round, first_round + rounds):
        turn = number % len(names)
        order = names[turn:] + names[:turn]
        with no_collector():
            for name in reversed(order) if number % 2 else order:
                calls = [_seconds(candidates[name], clock) for _ in range(inner)]
                medians[name].append(statistics.median(calls))
    return medians


def _seconds(candidate: Candidate, clock: Clock) -> float:
    start = clock()
    measured = candidate()
    elapsed = clock() - start
    return elapsed if measured is None else measured


@contextmanager
def no_collector() -> Iterator[None]:
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True)
class Comparison:
    """ratio: ours to the expert, median over rounds. spread: how far from 1 the expert's ratio to
    itself may lie on this machine, in this run. Times are medians of rounds, in seconds. quiet: no
    other process took much of the machine in the rounds that count."""

    ratio: float
    spread: float
    ours: float
    expert: float
    rounds: int
    quiet: bool


def compare(
    ours: Candidate,
    expert: Candidate,
    again: Candidate,
    *,
    rounds: int = 10,
    aim: float = 0.02,
    budget: float = 20.0,
    inner: int = 1,
    clock: Clock = time.perf_counter,
) -> Comparison:
    """Ours against the expert, with the same expert built a second time as the yardstick.

    At least `rounds` rounds are run, and more until the spread is at most `aim` or `budget` seconds
    are over (on a slow machine, six rounds in twice that time end it). Rounds in which other
    processes took part of the machine do not count, unless there are too few others. What decides
    is the two experts and the other processes, never our own time, so that none of it favours us.
    """
    candidates = {"ours": ours, "expert": expert, "again": again}
    for candidate in candidates.values():  # compile, allocate, fill caches
        candidate()
    all_rounds: list[dict[str, float]] = []
    quiet_rounds: list[dict[str, float]] = []
    end = time.monotonic() + budget
    while True:
        with Neighbours() as neighbours:
            found = interleave(candidates, 1, inner, clock, first_round=len(all_rounds))
        all_rounds.append({name: values[0] for name, values in found.items()})
        if neighbours.share <= QUIET or clock is time.process_time:
            quiet_rounds.append(all_rounds[-1])
        over = time.monotonic() - end
        if len(quiet_rounds) >= rounds and (over > 0 or _spread(quiet_rounds) <= aim):
            break
        if over > 0 and (len(all_rounds) >= rounds or (over > budget and len(all_rounds) >= 6)):
            break
    quiet = len(quiet_rounds) >= rounds
    counted = quiet_rounds if quiet else all_rounds
    return Comparison(
        statistics.median(r["ours"] / r["expert"] for r in counted),
        _spread(counted),
        statistics.median(r["ours"] for r in counted),
        statistics.median(r["expert"] for r in counted),
        len(counted),
        quiet,
    )


QUIET = 0.05


class Neighbours:
    """share: of one CPU, taken by other processes while this context was open (0 if unknown)."""

    def __enter__(self) -> Neighbours:
        self.start = self._clocks()
        return self

    def __exit__(self, *error: object) -> None:
        busy, own, wall = (b - a for a, b in zip(self.start, self._clocks(), strict=True))
        self.share = max(busy - own, 0.0) / wall

    @staticmethod
    def _clocks() -> tuple[float, float, float]:
        """Busy time of all CPUs, of this process, and wall time, in seconds."""
        own, wall = time.process_time(), time.monotonic()
        try:
            first = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        except OSError:
            return own, own, wall
        idle = int(first[3]) + int(first[4])  # idle and waiting for input
        return (sum(map(int, first)) - idle) / os.sysconf("SC_CLK_TCK"), own, wall


def _spread(rounds: Sequence[Mapping[str, float]]) -> float:
    return spread_of([r["again"] / r["expert"] for r in rounds])


def spread_of(ratios: Sequence[float]) -> float:
    """How far from 1 a median of such ratios may lie though nothing differs.

    The further end of a 95% confidence interval of the median. The interval runs between two of the
    sorted ratios (binomial, so no distribution is assumed). It holds both what a second build of
    the same program changes (memory, threads), for it contains the median, and the machine's noise,
    for it is as wide as that makes it; more rounds narrow it.
    """
    low, high = median_interval(ratios)
    return max(abs(low - 1.0), abs(high - 1.0))


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    ordered = sorted(values)
    count, cut, tail = len(ordered), 0, 0.0
    while cut < (count - 1) // 2:
        tail += math.comb(count, cut) / 2**count
        if 2 * tail > 1 - confidence:
            break
        cut += 1
    cut = max(cut, 1)
    return ordered[cut - 1], ordered[count - cut]
