"""The report of a comparison: one HTML page that needs nothing from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from polydl import __version__
from polydl.compare.charts import LineChart, StripChart, line_chart, strip_chart
from polydl.compare.comparison import (
    Comparison,
    difference_text,
    score_heading,
    score_text,
    validation_text,
)
from polydl.compare.highlight import highlight


def to_html(comparison: Comparison) -> str:
    """The page. Whatever comes from the comparison is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("polydl.compare", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html.jinja")
    text = template.render(
        comparison=comparison,
        polydl_version=__version__,
        verdict=verdict(comparison),
        columns=columns(comparison),
        rows=table_rows(comparison),
        checks=check_table(comparison),
        line_charts=line_charts(comparison),
        times=step_time_chart(comparison),
        facts=facts(comparison),
        sources=[
            {
                "backend": name,
                "number": number,
                "texts": [
                    {"kind": "model", "text": highlight(source.model)},
                    {"kind": "training", "text": highlight(source.training)},
                ],
            }
            for number, (name, source) in enumerate(comparison.sources.items())
        ],
    )
    return text.strip() + "\n"


def verdict(comparison: Comparison) -> str:
    """What was found, in a sentence or two."""
    outputs = [check.epsilons for check in comparison.checks if check.what.startswith("outputs")]
    text = (
        "On fresh weights, outputs agree with a float64 reference to "
        f"{max(outputs, default=0.0):.2g} rounding units of {_dtype(comparison)}. "
    )
    steps = max(map(len, comparison.losses.values()))
    compared = [row for row in comparison.rows if row.difference is not None]
    if not compared:
        return text + f"Trained for {steps} steps."
    largest = max(row.difference or 0.0 for row in compared)
    first = comparison.rows[0].backend
    return text + (
        f"Over {steps} training steps, no loss is further than {largest:.1e} (relative) from that "
        f"of {first} at the same step." + _validated(comparison)
    )


def _validated(comparison: Comparison) -> str:
    """The same of validation losses, if there are some."""
    found = [
        r.validation_difference for r in comparison.rows if r.validation_difference is not None
    ]
    if not found:
        return ""
    return f" After each epoch, no validation loss is further than {max(found):.1e}."


def columns(comparison: Comparison) -> list[str]:
    scores = map(score_heading, comparison.rows[0].scores)
    return [
        "Backend",
        *(heading[0].upper() + heading[1:] for heading in scores),
        "Final loss",
        "ms per step",
        "Compile (s)",
        "Training (s)",
        "Peak memory (MB)",
        "Largest loss difference",
        *(["Of validation losses"] if comparison.validated else []),
    ]


def table_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Cells in the order of `columns`, without the first: (text, note)."""
    rows = []
    for number, row in enumerate(comparison.rows):
        low, high = row.step_ms_quartiles
        difference, _, place = difference_text(row).partition(" at ")
        cells = [(score_text(value, name), "") for name, value in row.scores.items()]
        cells += [
            (f"{row.final_loss:.5f}", ""),
            (f"{row.step_ms:.2f}", f"middle half {low:.2f} to {high:.2f}"),
            (f"{row.compile_seconds:.2f}", ""),
            (f"{row.fit_seconds:.1f}", ""),
            (f"{row.memory / 2**20:,.0f}", f"{row.memory_before / 2**20:,.0f} after importing"),
            (difference, f"at {place}" if place else ""),
        ]
        if comparison.validated:
            cells.append((validation_text(row), ""))
        rows.append({"backend": row.backend, "number": number, "cells": cells})
    return rows


def check_table(comparison: Comparison) -> dict[str, Any]:
    """A column for each check, with what it is compared with; a row for each backend."""
    whats = list(dict.fromkeys((check.what, check.against) for check in comparison.checks))
    found = {(check.backend, check.what): check for check in comparison.checks}

    def cell(backend: str, what: str) -> tuple[str, str]:
        check = found.get((backend, what))
        if check is None:
            return "baseline", ""
        return f"{check.epsilons:.3g}", f"off by {check.error:.1e}; {check.allowed:,.0f} allowed"

    return {
        "columns": [(f"{what[0].upper()}{what[1:]}", against) for what, against in whats],
        "rows": [
            {"backend": name, "number": i, "cells": [cell(name, what) for what, _ in whats]}
            for i, name in enumerate(comparison.backends)
        ],
    }


def line_charts(comparison: Comparison) -> list[LineChart]:
    numbers = {name: i for i, name in enumerate(comparison.backends)}
    charts = [
        line_chart(
            "loss",
            "Training loss of every step",
            "Where curves coincide they are drawn one inside the other.",
            _listed(comparison.losses),
            numbers,
            x_label="step",
        )
    ]
    if comparison.differences:
        charts.append(_difference_chart(comparison, numbers))
    score = next(iter(comparison.rows[0].scores), "")
    if score and len(comparison.epochs[comparison.backends[0]]) > 1:
        series = {
            name: [epoch[score] for epoch in epochs] for name, epochs in comparison.epochs.items()
        }
        heading = score_heading(score)
        title = f"{heading[0].upper()}{heading[1:]} after every epoch"
        charts.append(line_chart("score", title, "", series, numbers, x_label="epoch"))
    return charts


def _difference_chart(comparison: Comparison, numbers: Mapping[str, int]) -> LineChart:
    first, dtype = comparison.backends[0], _dtype(comparison)
    epsilon = float(np.finfo(comparison.settings["dtype"]).eps)
    return line_chart(
        "difference",
        f"How far each loss is from that of {first}",
        "Relative, at every step; what lies on the ground line is equal. Weights start equal and "
        f"the same samples and units are drawn. What is left is rounding in {dtype}: sums taken in "
        "another order, which training amplifies whenever it tips a maximum the other way."
        + (" Compare in float64 to see it vanish." if dtype == "float32" else ""),
        _listed(comparison.differences),
        numbers,
        x_label="step",
        log=True,
        thinning="largest",
        nested=False,
        rules=[(epsilon, f"rounding unit of {dtype}")],
    )


def step_time_chart(comparison: Comparison) -> StripChart:
    settings = comparison.settings
    return strip_chart(
        "times",
        "Time of a training step",
        f"Warm steps on full batches of {settings['batch']}, data handed over included, compilation "
        "not. A dot is a group of steps; the bar spans the middle half, the mark is the median.",
        comparison.step_times,
        {name: i for i, name in enumerate(comparison.backends)},
        "milliseconds",
    )


def facts(comparison: Comparison) -> list[tuple[str, list[tuple[str, str]]]]:
    """Lists of labels and values."""
    settings = comparison.settings
    training = settings["training"]
    run = [
        ("Parameters", f"{settings['parameters']:,}"),
        ("Training samples", f"{settings['samples']:,}"),
        ("Validation samples", f"{settings['validation_samples']:,}"),
        ("Loss", _parts_text(training["loss"])),
        *(
            [("Loss weights", _parts_text(training["loss_weights"]))]
            if training["loss_weights"] is not None
            else []
        ),
        ("Optimizer", _part_text(training["optimizer"])),
        ("Metrics", _parts_text(training["metrics"])),
        ("Batch size", str(training["batch_size"])),
        ("Epochs", str(training["epochs"])),
        ("Shuffled", "yes, equally on all" if training["shuffle"] else "no"),
        ("Random numbers", f"{training['randomness']}, seed {training['seed']}"),
        ("Precision", settings["dtype"]),
    ]
    threads = settings["threads"]
    machine = [
        *comparison.machine.items(),
        ("Device", settings["device"]),
        ("Threads", f"{threads} for each backend, pinned"),
    ]
    versions = [
        (name, ", ".join(f"{what} {version}" for what, version in found.items()))
        for name, found in comparison.versions.items()
    ]
    return [
        ("Training", run),
        ("Machine", machine),
        ("Versions", [*versions, ("polydl", __version__)]),
    ]


def _parts_text(parts: Any) -> str:
    """Of one part, of several, or of those of several outputs."""
    if isinstance(parts, Mapping) and "kind" not in parts:
        return "; ".join(f"{key}: {_parts_text(part)}" for key, part in parts.items()) or "none"
    if isinstance(parts, list):
        texts = [_parts_text(part) for part in parts]
        return ", ".join(text for text in texts if text != "none") or "none"
    if isinstance(parts, Mapping):
        return _part_text(parts)
    return "none" if parts is None else f"{parts!r}"


def _part_text(part: Mapping[str, Any]) -> str:
    """{"kind": "polydl:Adam@1", "beta1": 0.9} as "Adam(beta1=0.9)"."""
    kind = part["kind"].removeprefix("polydl:").split("@")[0]
    arguments = ", ".join(f"{k}={v!r}" for k, v in part.items() if k not in ("kind", "name"))
    return f"{kind}({arguments})" if arguments else kind


def _listed(series: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in series.items()}


def _dtype(comparison: Comparison) -> str:
    return str(comparison.settings["dtype"])
