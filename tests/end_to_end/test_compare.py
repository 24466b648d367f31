"""dl.compare, with real processes; and what it says when something is wrong."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page import parse

import polydl as dl
from polydl.backend import Installed, installed_backends
from polydl.compare import Comparison, checks, machine
from polydl.compare import run as comparing
from polydl.compare.job import Job, RunOptions
from polydl.compare.process import WorkerProcess
from polydl.compare.timing import StepTimer
from polydl.errors import BackendError, CompareError, DataError, DefinitionError, PolydlError
from polydl.experiment import load_experiment

ROOT = Path(__file__).parents[2]
AVAILABLE = [f.name for f in installed_backends() if not (f.missing or f.problem)]
EPOCHS = 4


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Less timing than a user gets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "ROUNDS", 2)
        patch.setattr(comparing, "ROUND_SECONDS", 0.1)
        yield


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compare") / "report.html"


@pytest.fixture(scope="module")
def digits(quick: None, report: Path) -> Comparison:
    """The example on every backend that is installed, for fewer epochs."""
    experiment = load_experiment(ROOT / "examples" / "digits_cnn.py")
    experiment.training = replace(experiment.training, epochs=EPOCHS, randomness="native")
    callbacks = [
        dl.CSVLogger(report.with_name("log.csv")),
        dl.TensorBoard(report.with_name("board")),
    ]
    experiment.training = replace(
        experiment.training,
        callbacks=callbacks, checkpoint=dl.Checkpoint(report.with_name("run")),
    )  # fmt: skip
    return dl.compare(experiment, AVAILABLE, threads=1, report=report, progress=False)


def tiny(samples: int = 40, **changed: Any) -> dl.Experiment:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, 3)).astype(np.float32)
    y = (x.sum(-1) > 0).astype(np.int32)
    model = dl.Sequential(dl.Dense(4), dl.relu, dl.Dropout(0.5), dl.Dense(2))
    training = dl.Training(dl.CrossEntropy(), dl.SGD(0.1), batch_size=8, epochs=2)
    fields = {"model": model, "inputs": dl.Input((None, 3)), "training": training, "data": (x, y)}
    return dl.Experiment(**{**fields, **changed})


def test_every_backend_learns_digits(digits: Comparison) -> None:
    assert digits.backends == AVAILABLE
    for row in digits.rows:
        assert row.scores["val_accuracy"] >= 0.97, row.backend
        assert row.final_loss < 0.3
        assert 0 < row.step_ms_quartiles[0] <= row.step_ms <= row.step_ms_quartiles[1]
        assert row.compile_seconds > 0
        assert 50 * 2**20 < row.memory_before <= row.memory
        assert len(digits.losses[row.backend]) == EPOCHS * math.ceil(1437 / 64)
        assert [set(epoch) for epoch in digits.epochs[row.backend]] == [
            {"loss", "accuracy", "val_loss", "val_accuracy"}
        ] * EPOCHS


def test_backends_are_checked_against_the_reference(digits: Comparison) -> None:
    assert all(check.holds for check in digits.checks)
    for name in AVAILABLE:
        outputs, first, *later = [check for check in digits.checks if check.backend == name]
        assert outputs.against == first.against == "the float64 reference"
        assert outputs.epsilons < 50
        assert first.epsilons < 50
        assert [check.against for check in later] == ([] if name == AVAILABLE[0] else AVAILABLE[:1])


def test_dropout_is_the_same_on_all(digits: Comparison) -> None:
    """Though the experiment asks for native randomness: compare always uses portable."""
    assert digits.settings["training"]["randomness"] == "portable"
    for name, difference in digits.differences.items():
        assert difference[:20].max() < 1e-3, name
        row = next(row for row in digits.rows if row.backend == name)
        assert row.difference == difference.max()
        assert difference[row.difference_step - 1] == row.difference
        losses = [[scores["val_loss"] for scores in digits.epochs[n]] for n in (name, AVAILABLE[0])]
        assert row.validation_difference == pytest.approx(
            max(abs(a / b - 1) for a, b in zip(*losses, strict=True))
        )
    assert digits.rows[0].difference is digits.rows[0].validation_difference is None
    assert "validation losses" in " ".join(str(digits).split())


def test_sources_and_versions_of_each(digits: Comparison) -> None:
    for name in AVAILABLE:
        source = digits.sources[name]
        assert "class" in source.model or "def" in source.model
        assert "train_step" in source.training
        assert not re.search(r"^\s*(import|from) polydl", source.model + source.training, re.M)
        compile(source.training, name, "exec")
        assert digits.versions[name]
    assert digits.machine["Processor"]
    assert digits.settings["threads"] == 1


def test_the_report_is_written(digits: Comparison, report: Path) -> None:
    html = report.read_text(encoding="utf-8")
    page = parse(html)
    assert page.one("h1").text == "Digits CNN"
    rows = page.one("table", id="summary").one("tbody").all("tr")
    assert [row.one("th").text for row in rows] == AVAILABLE
    for row, shown in zip(digits.rows, rows, strict=True):
        assert f"{row.scores['val_accuracy']:.2%}" in shown.text
        assert f"{row.step_ms:.2f}" in shown.text
    assert [pre.raw for pre in page.all("pre", class_="training")] == [
        source.training for source in digits.sources.values()
    ]
    assert json.loads(digits.to_json())["rows"][0]["backend"] == AVAILABLE[0]


NOTEBOOK = """
class Mine(dl.Module):
    def __init__(self, width):
        self.hidden = dl.Dense(width)
        self.out = dl.Dense(2)

    def __call__(self, x):
        gate = dl.sigmoid(self.parameter("gate", (3,), "zeros"))
        return self.out(dl.tanh(self.hidden(x * gate)))

experiment = dl.Experiment(Mine(5), dl.Input((None, 3)), training, data)
comparison = dl.compare(experiment, AVAILABLE[:1], threads=1, report=None, progress=False)
"""


def test_each_backend_writes_logs_of_its_own(digits: Comparison, report: Path) -> None:
    for name in digits.backends:
        rows = list(csv.DictReader(report.with_name(f"log-{name}.csv").open(newline="")))
        losses = [scores["loss"] for scores in digits.epochs[name]]
        assert [float(row["loss"]) for row in rows] == losses
        assert list(report.with_name("board").glob(f"{name}/validation/events*"))
        assert report.with_name("run").joinpath(name, "last.safetensors").exists()
    assert not report.with_name("log.csv").exists()


def test_a_model_defined_in_a_notebook(quick: None) -> None:
    """The class is nowhere to be imported from: no file, no module."""
    other = tiny()
    cell = {"__name__": "__main__", "dl": dl, "AVAILABLE": AVAILABLE}
    exec(NOTEBOOK, cell | {"training": other.training, "data": other.data}, cell)
    comparison = cell["comparison"]
    assert comparison.name == "Mine"
    assert len(comparison.losses[AVAILABLE[0]]) == 10
    assert comparison.differences == {}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("dies", ["torch", "died with exit code 3", "doing: start", "the last words"]),
        ("hangs", ["said nothing for 3 s", "doing: start", "broken_worker.py", "time"]),
        ("raises", ["torch backend failed", "RuntimeError: a bug in the framework", "Traceback"]),
        ("refuses", ["torch: no such thing"]),
        ("chatters", ["do not compute the same", "torch: outputs, inference mode", " at ("]),
    ],
)
def test_a_worker_that_fails(how: str, expected: list[str], monkeypatch: Any) -> None:
    """It is named, with what it said and what was allowed, and no process is left behind."""
    started: list[WorkerProcess] = []
    monkeypatch.setenv("BROKEN", how)
    monkeypatch.setattr(WorkerProcess, "module", "broken_worker")

    def start(*arguments: Any) -> WorkerProcess:
        started.append(WorkerProcess(*arguments))
        return started[-1]

    monkeypatch.setattr(comparing, "WorkerProcess", start)
    timeout = 3.0 if how == "hangs" else 60.0
    with pytest.raises(CompareError) as caught:
        dl.compare(tiny(), ["torch"], report=None, progress=False, timeout=timeout)
    for text in expected:
        assert text in str(caught.value)
    assert [worker.process.poll() is not None for worker in started] == [True]


def test_an_interrupt_ends_all_processes(monkeypatch: Any) -> None:
    started: list[WorkerProcess] = []

    def interrupt(self: WorkerProcess) -> None:
        started.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(WorkerProcess, "receive", interrupt)
    with pytest.raises(KeyboardInterrupt):
        dl.compare(tiny(), AVAILABLE[:1], report=None, progress=False)
    assert [worker.process.poll() is not None for worker in started] == [True]


def test_a_worker_ends_with_its_parent(tmp_path: Path, monkeypatch: Any) -> None:
    """However the parent ends: what the worker sees is its standard input closing."""
    monkeypatch.setenv("BROKEN", "hangs")
    monkeypatch.setattr(WorkerProcess, "module", "broken_worker")
    experiment = tiny()
    options = RunOptions("cpu", "float32", 1)
    Job(experiment.program, experiment.training, experiment.arrays()[0], None, options).write(
        tmp_path
    )
    with WorkerProcess("torch", tmp_path, 1, 60.0) as worker:
        worker.send("start")
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        assert worker.process.wait(timeout=30) == 0


def test_a_difference_is_found_and_said() -> None:
    experiment = tiny()
    training = replace(experiment.training, randomness="portable")
    data, _ = experiment.arrays()
    oracle = checks.Oracle(
        Job(experiment.program, training, data, None, RunOptions("cpu", "float32", 1))
    )
    (right,) = (output.astype(np.float32) for output in oracle.outputs)
    losses = [oracle.first_loss, 0.5, 0.4]
    checks.require(checks.check_backend(oracle, "torch", [right], losses, None))
    wrong = right.copy()
    wrong[5, 1] += 0.01
    for outputs, given in ((wrong, losses), (right, [math.nan, 0.5, 0.4])):
        with pytest.raises(CompareError, match=r"flax: .* differs? from the float64 reference"):
            checks.require(
                checks.check_backend(oracle, "flax", [outputs], given, ("torch", losses))
            )
    with pytest.raises(CompareError, match=r"at \(5, 1\)"):
        checks.require(checks.check_backend(oracle, "flax", [wrong], losses, None))
    later = [losses[0], 0.5, 0.41]
    with pytest.raises(CompareError, match="after updates"):
        checks.require(checks.check_backend(oracle, "flax", [right], later, ("torch", losses)))


def test_relative_differences_of_what_is_not_finite() -> None:
    found = checks.relative_differences(
        np.array([1.0, math.inf, math.nan, 2.0, 0.0]), np.array([2.0, math.inf, math.nan, 2.0, 0.0])
    )
    assert found.tolist() == [0.5, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"backends": ["torhc"]}, BackendError, "Did you mean 'torch'"),
        ({"backends": ["reference"]}, BackendError, "every backend is checked against it"),
        ({"backends": []}, BackendError, "no backend to compare"),
        ({"backends": AVAILABLE[:1] * 2}, BackendError, "given twice"),
        ({"dtype": "float8"}, DefinitionError, "unknown dtype"),
        ({"dtype": "float16"}, DefinitionError, "is for inference"),
        ({"threads": 0}, CompareError, "threads must be"),
        ({"report": "/no/such/folder/report.html"}, CompareError, "no such folder"),
        ({"device": "cuda:77"}, CompareError, "no device 'cuda:77'"),
    ],
)
def test_arguments_that_cannot_be(
    arguments: dict[str, Any], error: type[PolydlError], text: str
) -> None:
    given = {"backends": AVAILABLE[:1], "report": None, "progress": False, **arguments}
    with pytest.raises(error, match=text):
        dl.compare(tiny(), **given)


def test_a_missing_framework_is_named_with_the_command(monkeypatch: Any) -> None:
    found = [
        Installed("keras", "keras", ("keras", "tensorflow")),
        Installed("flax", "flax", ("jax",)),
    ]
    monkeypatch.setattr(comparing, "installed_backends", lambda: found)
    with pytest.raises(BackendError, match=r"pip install 'polydl\[keras,flax\]'") as caught:
        dl.compare(tiny(), ("keras", "flax"))
    assert "keras needs keras and tensorflow" in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        ({"model": dl.Dense}, DefinitionError, "the class Dense: call it"),
        ({"inputs": (None, 3)}, DefinitionError, "inputs must be dl.Input"),
        ({"training": {}}, DefinitionError, "must be a dl.Training"),
        ({"data": np.zeros((3, 3))}, DataError, r"must be \(inputs, targets\)"),
        ({"data": (np.zeros((3, 3)), np.zeros(4))}, DataError, "differs in its number of samples"),
        ({"data": (np.zeros((0, 3)), np.zeros(0))}, DataError, "no samples"),
        ({"validation": (["a"], [object()])}, DataError, "validation must be arrays of numbers"),
    ],
)
def test_an_experiment_says_at_once_what_is_wrong(
    changed: dict[str, Any], error: type[PolydlError], text: str
) -> None:
    with pytest.raises(error, match=text):
        tiny(**changed)


def test_data_that_the_model_cannot_take_stop_before_any_process(monkeypatch: Any) -> None:
    monkeypatch.setattr(comparing, "WorkerProcess", None)
    x = np.zeros((8, 3), np.float32)
    for data, text in (
        ((x, np.full(8, 2, np.int32)), "labels run from 2 to 2"),
        ((x[:, :2], np.zeros(8, np.int32)), "expected the shape"),
        ((np.full_like(x, math.nan), np.zeros(8, np.int32)), "nan"),
    ):
        with pytest.raises(PolydlError, match=text):
            dl.compare(tiny(data=data), AVAILABLE[:1], report=None, progress=False)
    with pytest.raises(DefinitionError, match=r"takes a dl\.Experiment"):
        dl.compare(tiny().model)  # type: ignore[arg-type]


def test_batches_of_a_job() -> None:
    experiment = tiny(samples=21)
    data, validation = experiment.arrays()
    job = Job(
        experiment.program, experiment.training, data, validation, RunOptions("cpu", "float32", 1)
    )
    assert [len(job.batch(i)[1][0]) for i in range(4)] == [8, 8, 8, 8]
    np.testing.assert_array_equal(job.batch(0)[0][0], job.batch(2)[0][0])
    assert not np.array_equal(job.batch(0)[0][0], job.batch(1)[0][0])
    fewer = replace(job, training=replace(job.training, batch_size=64))
    assert len(fewer.batch(3)[1][0]) == 21
    assert len(job.sample()[0]) == 21


def test_step_timer_waits_for_each_group() -> None:
    waited: list[int] = []
    timer = StepTimer(lambda number: number, lambda results: waited.append(len(results)))
    before = sum(waited)
    times = timer.run(0.0)
    assert len(times) == 3
    assert waited[-3:] == [timer.size] * 3
    assert timer.number == before + 3 * timer.size


MEMORY = """
import numpy as np
from polydl.compare.machine import peak_memory
before = peak_memory()
held = np.ones(2**23)
print(before, peak_memory())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_peak_memory_is_not_the_parents() -> None:
    held = np.ones(2**25)  # 256 MiB, which ru_maxrss of a child would start from
    command = [sys.executable, "-c", MEMORY]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    before, after = map(int, done.stdout.split())
    assert before < held.nbytes
    assert after - before > 2**26 * 0.9


def test_the_machine_is_described() -> None:
    assert set(machine.describe()) >= {"Processor", "Cores", "Memory", "System", "Python"}
    assert 0.0 <= machine.busy_share(0.05) <= 1.0
    assert 1 <= machine.available_cores() <= (os.cpu_count() or 1)
