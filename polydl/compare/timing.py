"""Milliseconds of a warm training step."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

GROUP_SECONDS = 0.05  # a group of steps lasts at least this long, so that waiting for it is nothing
WARM_SECONDS = 0.5
WARM_STEPS = 5
LEAST_GROUPS = 3


class StepTimer:
    """Times a step in groups: a few steps, then a wait for their results, as a training loop does.

    step(number) starts a step, or `at_once` of them from that number on, and returns what
    wait(results) waits for.
    """

    def __init__(
        self, step: Callable[[int], Any], wait: Callable[[list[Any]], Any], at_once: int = 1
    ):
        self.step, self.wait, self.at_once = step, wait, at_once
        self.number = 0
        self.size = self._warm_up()

    def _group(self, size: int) -> float:
        """Seconds a step."""
        started = time.perf_counter()
        self.wait([self.step(self.number + i) for i in range(0, size, self.at_once)])
        self.number += size
        return (time.perf_counter() - started) / size

    def _warm_up(self) -> int:
        """Run until nothing is new any more; how many steps make a group."""
        started = time.perf_counter()
        seconds: list[float] = []
        while len(seconds) < WARM_STEPS or time.perf_counter() - started < WARM_SECONDS:
            seconds.append(self._group(self.at_once))
        usual = sorted(seconds)[len(seconds) // 2] * self.at_once
        return self.at_once * max(1, round(GROUP_SECONDS / max(usual, 1e-6)))

    def run(self, seconds: float) -> list[float]:
        """Milliseconds a step, of each group that ran in about so many seconds."""
        times: list[float] = []
        gc.collect()
        gc.disable()
        try:
            started = time.perf_counter()
            while len(times) < LEAST_GROUPS or time.perf_counter() - started < seconds:
                times.append(1e3 * self._group(self.size))
        finally:
            gc.enable()
        return times
