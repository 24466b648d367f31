"""Charts of a comparison, as shapes that the template draws in SVG.

Places run from 0 to 1 (up, for y). The template stretches them to whatever width the page has, and
sets text and line widths apart from that, so that a chart reads the same on a phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from polydl.compare.scales import (
    Scale,
    Tick,
    log_scale_for,
    number_text,
    scale_for,
    spans_decades,
)

MOST_POINTS = 1200  # of one curve; longer ones are thinned
WIDTH, HEIGHT = 1000, 400  # of the drawing, in units of its own

Thinning = Literal["mean", "largest"]


@dataclass(frozen=True)
class Curve:
    """A line: `number` chooses its colour. width: in pixels; what is drawn first is widest."""

    name: str
    number: int
    path: str
    width: float


@dataclass(frozen=True)
class LineChart:
    """Curves over steps or epochs. points: what the page shows at a place that is pointed at."""

    id: str
    title: str
    caption: str
    description: str
    x_label: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    curves: list[Curve]
    points: dict[str, object]
    rules: list[tuple[float, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Strip:
    """One backend's step times: a dot for each group, quartiles and median. Places along x."""

    name: str
    number: int
    dots: list[float]
    low: float
    middle: float
    high: float
    text: str


@dataclass(frozen=True)
class StripChart:
    id: str
    title: str
    caption: str
    description: str
    x_label: str
    x_ticks: list[Tick]
    strips: list[Strip]


def line_chart(
    id: str,
    title: str,
    caption: str,
    series: Mapping[str, Sequence[float]],
    numbers: Mapping[str, int],
    *,
    x_label: str,
    log: bool = False,
    thinning: Thinning = "mean",
    nested: bool = True,
    rules: Sequence[tuple[float, str]] = (),
) -> LineChart:
    """One curve a backend. rules: values marked by a dashed line, with a text each. nested: draw
    the first curves wider, so that the last does not hide them where they coincide.

    On a logarithmic axis, zeros lie on the ground line.
    """
    thinned = {name: _thin(np.asarray(v, np.float64), thinning) for name, v in series.items()}
    every = [v for _, values in thinned.values() for v in values.tolist()]
    log = log or spans_decades(every)
    ends = [*every, *(value for value, _ in rules)]
    y = log_scale_for(ends) if log else scale_for(ends)
    last = max((int(places[-1]) for places, _ in thinned.values() if len(places)), default=1)
    x = Scale(1.0, float(max(last, 2)))
    bucket = max(map(_bucket, map(len, series.values())), default=1)
    if bucket > 1:
        which = "mean" if thinning == "mean" else "largest"
        caption += f" Each point is the {which} of {bucket} steps."
    extra = reversed(range(len(thinned))) if nested else [0] * len(thinned)
    return LineChart(
        id=id,
        title=title,
        caption=caption,
        description=_described(thinned, x_label),
        x_label=x_label,
        x_ticks=[tick for tick in x.ticks(6) if "." not in tick.text],
        y_ticks=y.ticks(),
        curves=[
            Curve(name, numbers[name], _path(*thinned[name], x, y), 1.5 + 2.75 * more)
            for more, name in zip(extra, thinned, strict=True)
        ],
        points={
            "label": x_label,
            "low": x.low,
            "high": x.high,
            "series": [
                {
                    "name": name,
                    "number": numbers[name],
                    "x": places.tolist(),
                    "y": [round(y.place(v), 4) if np.isfinite(v) else None for v in values],
                    "text": [f"{v:.4g}" for v in values],
                }
                for name, (places, values) in thinned.items()
            ],
        },
        rules=[(y.place(value), text) for value, text in rules],
    )


def strip_chart(
    id: str,
    title: str,
    caption: str,
    times: Mapping[str, Sequence[float]],
    numbers: Mapping[str, int],
    x_label: str,
) -> StripChart:
    """Step times. The few slowest groups are drawn at the right edge rather than stretch the axis."""
    upper = max(1.25 * float(np.percentile(values, 90)) for values in times.values())
    x = Scale(0.0, upper)
    beyond = sum(value > upper for values in times.values() for value in values)
    if beyond:
        groups = "group was" if beyond == 1 else "groups were"
        caption += f" {beyond} {groups} slower than the axis is long; see the right edge."
    strips = []
    for name, values in times.items():
        low, middle, high = np.percentile(values, [25, 50, 75]).tolist()
        places = [round(x.place(value), 4) for value in values]
        text = f"{middle:.2f} ms"
        strips.append(
            Strip(name, numbers[name], places, x.place(low), x.place(middle), x.place(high), text)
        )
    described = "; ".join(f"{strip.name}: median {strip.text}" for strip in strips)
    return StripChart(id, title, caption, described, x_label, x.ticks(), strips)


def _bucket(count: int) -> int:
    """How many steps one point stands for."""
    return max(1, -(-count // MOST_POINTS))


def _thin(values: np.ndarray, how: Thinning) -> tuple[np.ndarray, np.ndarray]:
    """(numbers from 1, values), at most MOST_POINTS of them."""
    bucket = _bucket(len(values))
    if bucket == 1:
        return np.arange(1, len(values) + 1), values
    starts = np.arange(0, len(values), bucket)
    ends = np.minimum(starts + bucket, len(values))
    if how == "largest":
        return ends, np.maximum.reduceat(values, starts)
    return ends, np.add.reduceat(values, starts) / (ends - starts)


def _path(places: np.ndarray, values: np.ndarray, x: Scale, y: Scale) -> str:
    """SVG path data. Values that are not finite interrupt the line."""
    parts, pen_down = [], False
    for place, value in zip(places.tolist(), values.tolist(), strict=True):
        if not np.isfinite(value):
            pen_down = False
            continue
        right, down = WIDTH * x.place(place), HEIGHT * (1 - y.place(value))
        parts.append(f"{'L' if pen_down else 'M'}{right:.1f} {down:.1f}")
        pen_down = True
    return "".join(parts)


def _described(series: Mapping[str, tuple[np.ndarray, np.ndarray]], x_label: str) -> str:
    """For those who do not see the chart."""
    parts = []
    for name, (places, values) in series.items():
        if len(values):
            first, last = number_text(float(f"{values[0]:.3g}")), f"{values[-1]:.3g}"
            parts.append(f"{name}: {first} at first, {last} at {x_label} {places[-1]}")
    return "; ".join(parts)
