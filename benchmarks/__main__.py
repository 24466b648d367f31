"""Everything, each framework in a process of its own, as one table.

    python -m benchmarks [--threads 2] [--json FILE] [--frameworks torch keras flax]
    python -m benchmarks --threads 1 --clock cpu              on a machine that others use

Exits with 1 if a limit is broken or a measurement could not be made.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.sizes import KERAS_ON_TORCH, MODELS, TEXTBOOK_MODELS
from benchmarks.step_speed import FRAMEWORKS, environment
from benchmarks.timing import CLOCKS

ROOT = Path(__file__).resolve().parents[1]


def run(console: Console, module: str, threads: int, *arguments: str) -> list[dict[str, Any]]:
    """Rows that a module prints as lines of JSON; a row of its own if it fails."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    variables = os.environ | environment(threads)
    with console.status(" ".join(command[2:])):
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    rows = [{"module": module, **json.loads(line)} for line in lines]
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
        what = " ".join([module, *arguments])
        rows.append({"module": module, "what": f"{what} failed: {reason}", "pass": False})
    return rows


def steps_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Emitted program against hand-written one")
    for name in ("measure", "polydl ms", "expert ms", "ratio", "expert to itself", "limit", ""):
        table.add_column(name, justify="left" if name == "measure" else "right", no_wrap=True)
    table.add_column("the expert's way")
    for r in rows:
        table.add_row(
            f"{r['framework']} {r['model']} {r['what']}",
            f"{r['ours_ms']:.2f}" + (" (stand-in)" if r["stand_in"] else ""),
            f"{r['expert_ms']:.2f}",
            f"{r['ratio']:.3f}",
            f"± {r['spread']:.3f}" + ("" if r["quiet"] else " (busy)"),
            f"{r['limit']:.3f}",
            verdict(r),
            r["expert"],
        )
    return table


def others_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="polydl itself, and for comparison")
    for name in ("measure", "value", "limit", ""):
        table.add_column(name, justify="left" if name == "measure" else "right")
    for r in rows:
        value, limit = r.get("value", r.get("expert_ms")), r.get("limit")
        table.add_row(
            r["what"],
            "" if value is None else f"{value:.2f}",
            "" if limit is None else f"{limit:g}",
            verdict(r) if limit is not None or not r.get("pass", True) else "",
        )
    return table


def verdict(row: dict[str, Any]) -> str:
    if row.get("noisy"):
        return "[yellow]TOO NOISY[/]"
    return "[green]PASS[/]" if row["pass"] else "[bold red]FAIL[/]"


# how many times a plain Keras program on torch must take as long as ours, a training step
KERAS_TAX = {"transformer": 1.2, "simple_cnn": 2.0, "lstm": 5.0}


def keras_tax(steps: list[dict[str, Any]], keras: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Plain Keras on torch to our torch. It compares two processes, so the ratio is a rough one."""
    ours = {
        row["model"]: row["ours_ms"]
        for row in steps
        if (row["framework"], row["what"]) == ("torch", "training step")
    }
    found = []
    for theirs in keras:
        model = theirs.get("model")
        if "expert_ms" in theirs and model in ours:
            value = theirs["expert_ms"] / ours[model]
            what = f"{model}: Keras on torch to polydl on torch, a training step (at least)"
            row = {"module": "keras_tax", "what": what, "value": value}
            if model in KERAS_TAX:
                row |= {"limit": KERAS_TAX[model], "pass": value >= KERAS_TAX[model]}
            found.append(row)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results")
    parser.add_argument("--frameworks", nargs="+", choices=FRAMEWORKS, default=FRAMEWORKS)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--stand-in", action="store_true", help="expert in the place of polydl")
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 130)
    threads = options.threads

    others = run(
        console,
        "core_speed",
        threads,
        "--clock",
        options.clock,
        "--backends",
        *options.frameworks,
    )
    steps: list[dict[str, Any]] = []
    for framework in options.frameworks:
        arguments = ["--framework", framework, "--threads", str(threads)]
        arguments += ["--clock", options.clock, "--models", *options.models]
        arguments += ["--stand-in"] if options.stand_in else []
        for found in run(console, "step_speed", threads, *arguments):
            (steps if "ratio" in found else others).append(found)
        copied = [model for model in options.models if model in TEXTBOOK_MODELS]
        if copied:
            arguments = ["--framework", framework, "--threads", str(threads)]
            arguments += ["--clock", options.clock, "--models", *copied]
            others += run(console, "textbook_speed", threads, *arguments)
        others += run(
            console, "input_speed", threads, "--framework", framework, "--threads", str(threads)
        )
    if "torch" in options.frameworks:
        arguments = ["--threads", str(threads), "--clock", options.clock]
        slow = [model for model in options.models if model in KERAS_ON_TORCH]
        if slow:
            keras = run(console, "experts.keras_on_torch", threads, *arguments, "--models", *slow)
            others += keras + keras_tax(steps, keras)

    console.print(steps_table(steps))
    console.print(others_table(others))
    if options.json:
        results = {"threads": threads, "clock": options.clock, "rows": steps + others}
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return int(not all(r.get("pass", True) for r in steps + others))


if __name__ == "__main__":
    sys.exit(main())
