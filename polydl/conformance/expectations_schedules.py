"""Independent formulas of schedules: plain Python, step by step, shared with nothing."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

Rate = Callable[[int], float]


def constant(rate: float) -> Rate:
    return lambda step: rate


def exponential(initial: float, steps: int, factor: float) -> Rate:
    return lambda step: math.exp(math.log(initial) + math.log(factor) * step / steps)


def multi_step(initial: float, boundaries: Sequence[int], factor: float) -> Rate:
    def rate(step: int) -> float:
        current = initial
        for boundary in boundaries:
            if boundary <= step:
                current *= factor
        return current

    return rate


def step_decay(initial: float, steps: int, factor: float) -> Rate:
    return multi_step(initial, range(steps, 100 * steps, steps), factor)


def polynomial(initial: float, steps: int, final: float, power: float) -> Rate:
    def rate(step: int) -> float:
        left = max(steps - step, 0) / steps
        return final + (initial - final) * math.pow(left, power)

    return rate


def _wave(start: float, end: float, share: float) -> float:
    """Half a cosine as the square of a quarter."""
    return end + (start - end) * math.cos(math.pi / 2 * share) ** 2


def _line(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


def cosine(initial: float, steps: int, final: float = 0.0) -> Rate:
    return lambda step: _wave(initial, final, min(step, steps) / steps)


def restarts(initial: float, steps: int, final: float, t_mul: int, m_mul: float) -> Rate:
    def rate(step: int) -> float:
        length, way = steps, initial - final
        while step >= length:
            step, length, way = step - length, length * t_mul, way * m_mul
        return _wave(final + way, final, step / length)

    return rate


def warmup(after: Rate, steps: int, start: float = 0.0) -> Rate:
    def rate(step: int) -> float:
        if step >= steps:
            return after(step - steps)
        return _line(start, after(0), step / steps)

    return rate


def one_cycle(points: Sequence[tuple[float, float]], wave: bool) -> Rate:
    """Through points (step, rate), which include the first and the last."""

    def rate(step: int) -> float:
        for (first, low), (last, high) in pairwise(points):
            if step <= last:
                return (_wave if wave else _line)(low, high, (step - first) / (last - first))
        return points[-1][1]

    return rate


def noam(model_size: int, warmup_steps: int) -> Rate:
    """Vaswani et al. 2017, equation 3."""

    def rate(step: int) -> float:
        number = step + 1
        return math.pow(model_size, -0.5) * min(
            math.pow(number, -0.5), number * math.pow(warmup_steps, -1.5)
        )

    return rate


def piecewise(boundaries: Sequence[int], pieces: Sequence[Rate]) -> Rate:
    def rate(step: int) -> float:
        index = bisect_right(boundaries, step)
        return pieces[index](step - [0, *boundaries][index])

    return rate
