"""The report: its content, parsed; and the page in a real browser."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browser import chromium, open_page
from comparison_sample import HOSTILE, MODEL, STEPS, sample
from page import Element, parse

from polydl.compare import Sources
from polydl.compare.highlight import highlight
from polydl.compare.scales import Scale, log_scale_for, number_text, scale_for

BACKENDS = ["torch", "keras", "flax"]


@pytest.fixture(scope="module")
def page() -> Element:
    return parse(sample().to_html())


def cells(table: Element) -> list[list[str]]:
    rows = table.one("tbody").all("tr")
    return [[cell.text for cell in row.children if isinstance(cell, Element)] for row in rows]


def test_summary_has_every_number_of_every_backend(page: Element) -> None:
    comparison = sample()
    rows = cells(page.one("table", id="summary"))
    headings = [cell.text for cell in page.one("table", id="summary").one("thead").all("th")]
    assert headings == [
        "Backend",
        "Validation accuracy",
        "Final loss",
        "ms per step",
        "Compile (s)",
        "Training (s)",
        "Peak memory (MB)",
        "Largest loss difference",
    ]
    for shown, row in zip(rows, comparison.rows, strict=True):
        assert shown[0] == row.backend
        assert shown[1] == f"{row.scores['val_accuracy']:.2%}"
        assert shown[2] == f"{row.final_loss:.5f}"
        assert shown[3].startswith(f"{row.step_ms:.2f} ")
        assert f"{row.step_ms_quartiles[1]:.2f}" in shown[3]
        assert shown[4] == f"{row.compile_seconds:.2f}"
        assert shown[6].startswith(f"{row.memory / 2**20:.0f} ")
    assert rows[0][-1] == "baseline"
    last = comparison.rows[2]
    assert rows[2][-1] == f"{last.difference:.1e} at step {last.difference_step}"


def test_checks_are_listed(page: Element) -> None:
    rows = cells(page.one("table", id="checks"))
    assert [row[0] for row in rows] == BACKENDS
    assert "5.25" in rows[2][1]
    assert "1,000 allowed" in rows[2][1]


def test_charts_have_titles_and_a_curve_for_each_backend(page: Element) -> None:
    charts = page.all("figure")
    ids = [chart.attributes["id"] for chart in charts]
    assert ids == ["chart-loss", "chart-difference", "chart-score", "chart-times"]
    for drawing in page.all("svg"):
        assert drawing.attributes["role"] == "img"
        (label, *_) = drawing.attributes["aria-labelledby"].split()
        assert drawing.one("title", id=label).text
        assert drawing.attributes["viewbox"]
    assert len(charts[0].all("path", class_="curve")) == 3
    assert len(charts[1].all("path", class_="curve")) == 2
    assert len(charts[3].all("svg")) == 3
    points = json.loads(page.one("script", id="points-loss").raw)
    assert [series["name"] for series in points["series"]] == BACKENDS
    assert len(points["series"][0]["x"]) == STEPS


def test_sources_stand_side_by_side(page: Element) -> None:
    panels = page.all("article")
    assert [panel.attributes["aria-label"] for panel in panels] == BACKENDS
    for name, panel in zip(BACKENDS, panels, strict=True):
        model, training = panel.all("pre")
        assert model.raw == f"# {name}, model\n{MODEL}"
        assert training.raw == f"# {name}, training\n"


def test_settings_machine_and_versions_are_listed(page: Element) -> None:
    facts = {entry.one("dt").text: entry.one("dd").text for entry in page.one("main").all("div")
             if entry.children and entry.all("dt") and not entry.all("div")}  # fmt: skip
    assert facts["Processor"] == "Difference Engine No. 2"
    assert facts["Optimizer"] == "Adam(learning_rate=0.001)"
    assert facts["Threads"] == "2 for each backend, pinned"
    assert facts["keras"] == "keras 1.2.3"
    assert "1,437" in facts["Training samples"]


def test_page_asks_for_nothing_from_outside(page: Element) -> None:
    html = sample().to_html()
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert policy.startswith("default-src 'none'")
    for attribute in ("src", "href", "action", "data", "poster", "srcset"):
        given = [e.attributes[attribute] for e in page.all("") if attribute in e.attributes]
        assert all(value == "data:," for value in given), given
    assert not re.findall(r"https?://|@import|url\(", html)


def test_whatever_is_shown_is_escaped() -> None:
    comparison = sample(HOSTILE)
    hostile = Sources(HOSTILE, f"'''{HOSTILE}'''\n# {HOSTILE}")
    rows = [replace(row, backend=f"{row.backend}{HOSTILE}") for row in comparison.rows]
    renamed = {row.backend for row in rows}

    def again(table: dict) -> dict:
        return {f"{name}{HOSTILE}": value for name, value in table.items()}

    comparison = replace(
        comparison,
        rows=rows,
        losses=again(comparison.losses),
        epochs=again(comparison.epochs),
        differences=again(comparison.differences),
        step_times=again(comparison.step_times),
        checks=[replace(c, backend=f"{c.backend}{HOSTILE}") for c in comparison.checks],
        sources=dict.fromkeys(renamed, hostile),
        versions={name: {HOSTILE: HOSTILE} for name in renamed},
        machine={HOSTILE: HOSTILE},
        program=HOSTILE,
    )
    page = parse(comparison.to_html())
    assert not page.all("img")
    assert len(page.all("script")) == len(parse(sample().to_html()).all("script"))
    assert page.one("h1").text == HOSTILE
    assert page.all("pre", class_="model")[0].raw == HOSTILE


def test_losses_that_are_not_numbers_and_a_single_backend() -> None:
    comparison = sample()
    losses = dict(comparison.losses)
    losses["torch"] = np.where(np.arange(STEPS) > 50, math.nan, losses["torch"])
    page = parse(replace(comparison, losses=losses).to_html())
    assert "nan" not in page.all("path", class_="curve")[0].attributes["d"].lower()
    alone = replace(
        comparison,
        rows=comparison.rows[:1],
        epochs={"torch": comparison.epochs["torch"]},
        losses={"torch": comparison.losses["torch"]},
        differences={},
        step_times={"torch": [1.0, 1.0, 1.0]},
    )
    assert "chart-difference" not in alone.to_html()


def test_a_busy_machine_is_told() -> None:
    comparison = sample()
    assert not parse(comparison.to_html()).all("p", class_="caution")
    busy = replace(comparison, settings={**comparison.settings, "busy": 0.64})
    told = parse(busy.to_html()).one("p", class_="caution").text
    assert "64% of the cores' time" in told


def test_long_runs_are_thinned() -> None:
    long = sample(steps=20_000)
    html = long.to_html()
    assert len(html) < 600_000
    assert "Each point is the mean of 17 steps." in html
    assert "Each point is the largest of 17 steps." in html
    points = json.loads(parse(html).one("script", id="points-difference").raw)
    shown = max(float(text) for text in points["series"][0]["text"])
    assert shown == pytest.approx(long.rows[1].difference, rel=1e-3)


def test_json_has_everything_and_is_valid() -> None:
    comparison = sample()
    comparison.losses["torch"][0] = math.nan
    read = json.loads(comparison.to_json())
    assert read["losses"]["torch"][0] is None
    assert read["losses"]["keras"] == comparison.losses["keras"].tolist()
    assert read["sources"]["flax"]["model"].startswith("# flax")
    assert read["rows"][1]["difference_step"] == comparison.rows[1].difference_step


def test_table_for_the_terminal() -> None:
    text = str(sample())
    assert all(name in text for name in BACKENDS)
    assert "97.22%" in text
    assert "baseline" in text


def test_highlighting_changes_no_text() -> None:
    source = 'def f(x):\n    """<b>\n    & two lines"""\n    return f"{x}<" + 1.5  # <c>\n'
    html = str(highlight(source))
    assert parse(html).raw == source
    assert '<span class="d">f</span>' in html
    assert parse(str(highlight("no <python> (("))).raw == "no <python> (("


def test_scales() -> None:
    assert [tick.text for tick in Scale(0, 26).ticks()] == ["0", "10", "20"]
    assert [tick.text for tick in Scale(0.01, 2.0, log=True).ticks()] == ["0.01", "0.1", "1"]
    assert number_text(1e-8) == "10⁻⁸"
    assert number_text(0.25) == "0.25"
    assert log_scale_for([0.0, math.nan]).low > 0
    assert scale_for([2.0, 2.0]).high > 2.0 > scale_for([2.0, 2.0]).low


PROBE = """
<script>
const box = (e) => e.getBoundingClientRect();
const visible = (e) => { const b = box(e); return b.width > 0 && b.height > 0; };
const area = document.querySelector("[data-chart]"), b = box(area);
area.dispatchEvent(new PointerEvent("pointermove", {clientX: b.left + b.width / 2, clientY: b.top}));
const seen = JSON.stringify({
  width: window.innerWidth,
  overflow: document.documentElement.scrollWidth - window.innerWidth,
  cells: [...document.querySelectorAll("#summary td > span")].filter(visible).map((e) => e.textContent),
  panels: [...document.querySelectorAll("article")].filter(visible).map((e) => e.ariaLabel),
  pres: [...document.querySelectorAll("article pre")].filter(visible).map((e) => e.className),
  tip: document.querySelector(".tip").textContent,
  small: [...document.querySelectorAll(".chart span, .chart b")].filter(visible)
    .filter((e) => parseFloat(getComputedStyle(e).fontSize) < 12).length,
  requests: performance.getEntriesByType("resource").length,
});
window.parent.postMessage(seen, "*");
</script>
"""


FRAME = """<!doctype html>
<body>
<script>addEventListener("message", (e) => { document.body.dataset.seen = e.data; });</script>
<iframe src="report.html" style="border:0;width:WIDTHpx;height:900px"></iframe>
</body>
"""


def seen_in_browser(html: str, folder: Path, width: int) -> dict:
    """Measures taken inside the page, after a pointer moved over the first chart.

    In a frame, because a window of Chromium's is never narrower than 500 pixels.
    """
    page = html.replace("</body>", f"{PROBE}</body>")
    (folder / "report.html").write_text(page, encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(FRAME.replace("WIDTH", str(width)), encoding="utf-8")
    opened = open_page(frame, folder / "profile")
    assert opened.console == []
    return json.loads(parse(opened.dom).one("body").attributes["data-seen"])


@pytest.mark.parametrize("width", [1280, 390])
def test_browser_shows_all_numbers_without_errors(tmp_path: Path, width: int) -> None:
    chromium()
    comparison = sample()
    seen = seen_in_browser(comparison.to_html(), tmp_path, width)
    assert seen["width"] == width
    assert seen["overflow"] <= 0
    assert seen["requests"] == 0
    assert seen["small"] == 0
    for row in comparison.rows:
        assert f"{row.scores['val_accuracy']:.2%}" in seen["cells"]
        assert f"{row.step_ms:.2f}" in seen["cells"]
        assert f"{row.final_loss:.5f}" in seen["cells"]
    assert seen["panels"] == (BACKENDS if width == 1280 else BACKENDS[:1])
    assert set(seen["pres"]) == {"model"}
    assert seen["tip"].startswith("step ")
    assert all(name in seen["tip"] for name in BACKENDS)


def test_browser_check_would_notice_an_error(tmp_path: Path) -> None:
    chromium()
    path = tmp_path / "bad.html"
    path.write_text("<!doctype html><body><script>missing.call()</script></body>")
    (line,) = open_page(path, tmp_path / "profile").console
    assert "missing is not defined" in line
