"""Drawings of diagnostics, with matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polydl.errors import PolydlError

if TYPE_CHECKING:
    from polydl.diagnostics.learning_rate import LearningRateCurve

FORMATS = (".png", ".svg", ".pdf")


def check_plot(path: Path) -> None:
    """Raise PolydlError where a plot cannot be drawn: before the work is done that it is of."""
    from importlib.util import find_spec

    if path.suffix not in FORMATS:
        raise PolydlError(f"{path}: a plot is a file that ends in {', '.join(FORMATS)}")
    if find_spec("matplotlib") is None:
        raise PolydlError("plots need matplotlib. Install with: pip install 'polydl[report]'")


def plot_learning_rates(curve: LearningRateCurve, path: Path) -> None:
    """The losses over the rate, on a logarithmic axis, with lines at the suggestions."""
    check_plot(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(curve.rates, curve.losses, color="0.8", label="loss")
    axes.plot(curve.rates, curve.smoothed, color="C0", label="smoothed")
    marks = (("steepest descent", curve.steepest), ("a tenth of the lowest", curve.tenth_of_lowest))
    for number, (name, rate) in enumerate(marks, start=1):
        if rate is not None:
            axes.axvline(rate, color=f"C{number}", linestyle="--", label=f"{name}: {rate:.2g}")
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
    low, high = curve.smoothed.min(), curve.smoothed[0]
    room = abs(high - low) or abs(high) or 1.0
    axes.set_ylim(low - 0.1 * room, high + room)  # what diverges would flatten the rest
    axes.legend()
    try:
        figure.savefig(path)
    except OSError as error:
        raise PolydlError(f"{path} cannot be written: {error.strerror}") from error
