"""compare: check, train and time an experiment on several backends, each in a process of its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from polydl.backend import installed_backends, unknown_backend
from polydl.compare import machine
from polydl.compare.checks import Oracle, check_backend, relative_differences, require
from polydl.compare.comparison import Check, Comparison, Row, Sources
from polydl.compare.job import Job, RunOptions
from polydl.compare.process import WorkerProcess
from polydl.compare.progress import Progress, show
from polydl.errors import BackendError, CompareError, DefinitionError
from polydl.experiment import Experiment
from polydl.precision import check_dtype
from polydl.training.history import numbers, scores_text

ROUNDS, ROUND_SECONDS = 3, 1.0  # of timing: backends take turns, so that a slow moment hits all
CHECKED, TRAINED = 0.2, 0.8  # parts of the work that are done by then


def compare(
    experiment: Experiment,
    backends: Sequence[str] = ("torch", "keras", "flax"),
    *,
    device: str = "cpu",
    threads: int | None = None,
    dtype: str = "float32",
    report: str | Path | None = "report.html",
    progress: bool = True,
    timeout: float = 600.0,
) -> Comparison:
    """Run an experiment on several backends and put the results side by side.

    Each backend gets a process of its own, with the Program, the Training and the arrays; its random
    numbers are the portable ones, so that all drop the same units. Outputs and first losses are
    checked against the float64 reference, and CompareError is raised, before anything is trained or
    timed. threads: for each backend, all cores by default; only one backend works at a time. Losses
    are compared with those of the first backend. Logs and checkpoints are each backend's own, under
    its name: log-torch.csv for log.csv, run/torch for run. report: where to write the page, or None.
    timeout: seconds that a backend may say nothing (it reports every epoch).
    """
    if not isinstance(experiment, Experiment):
        raise DefinitionError(
            f"dl.compare takes a dl.Experiment, got {type(experiment).__name__}. Write "
            "dl.compare(dl.Experiment(model, inputs, training, data))"
        )
    check_dtype(dtype, training=True)
    names = _installed(backends)
    options = RunOptions(device, dtype, _threads(threads))
    if report is not None and not Path(report).resolve().parent.is_dir():
        raise CompareError(f"the report {report} cannot be written: there is no such folder")
    data, validation = experiment.arrays(dtype)
    training = replace(experiment.training, randomness="portable")
    job = Job(experiment.program, training, data, validation, options)
    described, busy = machine.describe(), machine.busy_share()
    with tempfile.TemporaryDirectory(prefix="polydl-compare-") as folder, ExitStack() as stack:
        job.write(Path(folder))
        shown = stack.enter_context(show(progress, names))
        workers = [
            stack.enter_context(WorkerProcess(name, Path(folder), options.threads, timeout))
            for name in names
        ]
        found = _Run(job, Path(folder), workers, shown).run()
    comparison = _comparison(experiment.title, job, described, busy, found)
    if report is not None:
        comparison.save_report(report)
    return comparison


class _Run:
    """The phases, over all workers. Only one of them works at a time, except to import."""

    def __init__(self, job: Job, folder: Path, workers: list[WorkerProcess], progress: Progress):
        self.job, self.folder, self.workers, self.progress = job, folder, workers, progress
        self.versions: dict[str, dict[str, str]] = {}
        self.first: dict[str, dict[str, Any]] = {}
        self.checks: list[Check] = []
        self.fits: dict[str, dict[str, Any]] = {}
        self.step_times: dict[str, list[float]] = {w.backend: [] for w in workers}
        self.group_sizes: dict[str, int] = {}

    def run(self) -> _Run:
        for worker in self.workers:
            worker.send("start")
            self.progress.say(worker.backend, "importing", 0.0)
        oracle = Oracle(self.job)
        for worker in self.workers:
            self.versions[worker.backend] = self._answer(worker)["versions"]
            self.progress.say(worker.backend, "ready", 0.05)
        for worker in self.workers:
            self._check(worker, oracle)
        require(self.checks)
        for worker in self.workers:
            self._fit(worker)
        for _ in range(ROUNDS):
            for worker in self.workers:
                self._time(worker)
        for worker in self.workers:
            middle = np.median(self.step_times[worker.backend])
            self.progress.say(worker.backend, f"done: {middle:.2f} ms a step", 1.0)
        return self

    def _answer(self, worker: WorkerProcess) -> dict[str, Any]:
        """The end of a command, with progress until then."""
        while True:
            answer = worker.receive()
            if answer["event"] == "done":
                return answer
            if answer["event"] == "epoch":
                self._epoch(worker.backend, answer["epoch"], answer["scores"])
            else:
                self.progress.say(worker.backend, answer["text"])

    def _epoch(self, name: str, number: int, scores: dict[str, float]) -> None:
        epochs = self.job.training.epochs
        part = CHECKED + (TRAINED - CHECKED) * number / epochs
        self.progress.say(name, f"epoch {number} of {epochs}  {scores_text(scores)}", part)

    def _check(self, worker: WorkerProcess, oracle: Oracle) -> None:
        name = worker.backend
        self.progress.say(name, "compiling the model", 0.1)
        worker.send("check")
        answer = self.first[name] = self._answer(worker)
        with np.load(self.folder / f"outputs_{name}.npz") as file:
            outputs = list(file.values())
        first_name = self.workers[0].backend
        first = None if name == first_name else (first_name, self.first[first_name]["losses"])
        checks = check_backend(oracle, name, outputs, answer["losses"], first)
        self.checks += checks
        verdict = "differs" if not all(check.holds for check in checks) else "checked"
        worst = max(check.epsilons for check in checks if check.what.startswith("outputs"))
        text = f"{verdict}: outputs within {worst:.3g} epsilon of the reference"
        self.progress.say(name, text, CHECKED)

    def _fit(self, worker: WorkerProcess) -> None:
        self.progress.say(worker.backend, "training")
        worker.send("fit")
        self.fits[worker.backend] = self._answer(worker)
        self.progress.say(worker.backend, "trained; waits to be timed", TRAINED)

    def _time(self, worker: WorkerProcess) -> None:
        name = worker.backend
        self.progress.say(name, "timing steps", 0.9)
        worker.send("time", seconds=ROUND_SECONDS)
        answer = self._answer(worker)
        self.step_times[name] += answer["step_times"]
        self.group_sizes[name] = answer["group"]
        middle = np.median(self.step_times[name])
        self.progress.say(name, f"{middle:.2f} ms a step; waits for its next turn", 0.95)


def _comparison(
    title: str, job: Job, described: dict[str, str], busy: float, found: _Run
) -> Comparison:
    names = [worker.backend for worker in found.workers]
    losses = {name: np.array(found.fits[name]["losses"]) for name in names}
    differences = {name: relative_differences(losses[name], losses[names[0]]) for name in names[1:]}
    training = json.loads(job.training.to_json())
    training.pop("format")
    return Comparison(
        name=title,
        rows=[_row(found, name, names[0], differences.get(name)) for name in names],
        losses=losses,
        epochs={name: found.fits[name]["epochs"] for name in names},
        differences=differences,
        step_times=found.step_times,
        checks=found.checks,
        sources={n: Sources(f["source"], f["training_source"]) for n, f in found.fits.items()},
        versions=found.versions,
        machine=described,
        settings={
            "device": job.options.device,
            "dtype": job.options.dtype,
            "threads": job.options.threads,
            "busy": busy,
            "samples": len(job.data[0][0]),
            "validation_samples": 0 if job.validation is None else len(job.validation[0][0]),
            "batch": len(job.batch(0)[0][0]),
            "steps_per_group": found.group_sizes,
            "parameters": _count(job, "parameter"),
            "training": training,
        },
        program=str(job.program),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _row(found: _Run, name: str, first: str, difference: np.ndarray | None) -> Row:
    fit, times = found.fits[name], np.array(found.step_times[name])
    low, middle, high = np.percentile(times, [25, 50, 75]).tolist()
    last = fit["epochs"][-1]
    validated = {score: v for score, v in last.items() if score.startswith("val_")}
    shown = numbers(validated or last)
    step = None
    if difference is not None:
        step = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    return Row(
        backend=name,
        scores={score: v for score, v in shown.items() if score not in ("loss", "val_loss")},
        final_loss=last["loss"],
        step_ms=middle,
        step_ms_quartiles=(low, high),
        compile_seconds=sum(found.first[name]["compile_seconds"]),
        fit_seconds=fit["seconds"],
        memory=fit["memory"],
        memory_before=fit["memory_before"],
        difference=None if difference is None or step is None else float(difference[step]),
        difference_step=None if step is None else step + 1,
        validation_difference=_validation_difference(found, name, first),
    )


def _validation_difference(found: _Run, name: str, first: str) -> float | None:
    """The largest of all epochs; None for the first backend, and without validation."""
    epochs = [found.fits[backend]["epochs"] for backend in (name, first)]
    if name == first or "val_loss" not in epochs[0][-1]:
        return None
    own, expected = (np.array([scores["val_loss"] for scores in run]) for run in epochs)
    return float(relative_differences(own, expected).max())


def _count(job: Job, role: str) -> int:
    entries = job.program.entries.values()
    return sum(int(np.prod(entry.shape)) for entry in entries if entry.role == role)


def _installed(backends: Sequence[str]) -> list[str]:
    """Names of backends that are here, each once. Imports no framework."""
    names = [backends] if isinstance(backends, str) else list(backends)
    if not names:
        raise BackendError("there is no backend to compare. Give some, such as ('torch', 'flax')")
    known = {found.name: found for found in installed_backends()}
    for name in names:
        if name == "reference":
            raise BackendError(
                "the reference does not train. Leave it out: every backend is checked against it"
            )
        if name not in known:
            raise unknown_backend(name, list(known))
        found = known[name]
        if found.problem:
            raise BackendError(f"the {name} backend is damaged: {found.problem}")
        if names.count(name) > 1:
            raise BackendError(f"the backend {name!r} is given twice")
    missing = [known[name] for name in names if known[name].missing]
    if missing:
        lacks = "; ".join(f"{found.name} needs {' and '.join(found.missing)}" for found in missing)
        extras = ",".join(found.extra for found in missing)
        raise BackendError(
            f"not installed here: {lacks}. Install with: pip install 'polydl[{extras}]'"
        )
    return names


def _threads(threads: int | None) -> int:
    cores = machine.available_cores()
    if threads is None:
        return cores
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= cores:
        raise CompareError(f"threads must be an integer from 1 to {cores}, got {threads!r}")
    return threads
