"""Axes of charts: where values lie, from 0 to 1, and which of them are written beside the axis."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Tick:
    """A written value and its place on the axis, from 0 to 1."""

    place: float
    text: str


@dataclass(frozen=True)
class Scale:
    """From `low` to `high`, linear or logarithmic."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """From 0 at `low` to 1 at `high`; what lies outside is put at the end."""
        low, high = self._of(self.low), self._of(self.high)
        at = low if self.log and value <= 0 else self._of(value)
        return min(max((at - low) / (high - low), 0.0), 1.0)

    def _of(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def ticks(self, count: int = 5) -> list[Tick]:
        values = self._decades(count) if self.log else self._round_values(count)
        inside = [v for v in values if self.low * (1 - 1e-9) <= v <= self.high * (1 + 1e-9)]
        return [Tick(self.place(value), number_text(value)) for value in inside]

    def _decades(self, count: int) -> list[float]:
        low, high = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        stride = max(1, math.ceil((high - low) / count))
        values = [10.0**power for power in range(low, high + 1, stride)]
        if math.log10(self.high / self.low) < 1.5:
            values = [digit * 10.0**power for power in range(low, high + 1) for digit in (1, 2, 5)]
        return values

    def _round_values(self, count: int) -> list[float]:
        """Multiples of 1, 2 or 5 times a power of ten."""
        rough = (self.high - self.low) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def scale_for(values: Iterable[float], from_zero: bool = False) -> Scale:
    """A linear scale with some room around the values."""
    found = _finite(values)
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    if from_zero:
        low = min(low, 0.0)
    room = 0.04 * (high - low) or abs(high) or 1.0
    return Scale(low if from_zero and low == 0 else low - room, high + room)


def log_scale_for(values: Iterable[float]) -> Scale:
    """A logarithmic scale around the values above zero, at least a decade long."""
    found = [value for value in _finite(values) if value > 0]
    low, high = (min(found), max(found)) if found else (1e-8, 1.0)
    low, high = low / 1.3, high * 1.3
    if high / low < 10:
        low, high = low / 2, high * 2
    return Scale(low, high, log=True)


def spans_decades(values: Iterable[float]) -> bool:
    """Whether values are above zero and far enough apart for a logarithmic scale."""
    found = _finite(values)
    return bool(found) and min(found) > 0 and max(found) / min(found) > 20


def number_text(value: float) -> str:
    if value == 0:
        return "0"
    power = math.floor(math.log10(abs(value)) + 1e-9)
    if -4 < power < 5:
        return f"{value:.10g}" if power >= 0 else f"{value:.{2 - power}f}".rstrip("0").rstrip(".")
    digits = value / 10.0**power
    raised = f"10{str(power).translate(_RAISED)}"
    return raised if abs(digits - 1) < 1e-9 else f"{digits:.3g}·{raised}"


def _finite(values: Iterable[float]) -> list[float]:
    array = np.asarray(list(values), np.float64)
    return array[np.isfinite(array)].tolist()
