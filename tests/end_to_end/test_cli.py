"""The command `polydl`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparison_sample import sample

import polydl as dl
from polydl import backend_info, cli
from polydl.backend import Installed, installed_backends
from polydl.training.fit import Fitting

FILE = """
import numpy as np
import polydl as dl

rng = np.random.default_rng(0)
x = rng.normal(size=(40, 3)).astype("float32")
y = (x.sum(-1) > 0).astype("int32")
experiment = dl.Experiment(
    dl.Sequential(dl.Dense(4), dl.relu, dl.Dense(2)),
    dl.Input((None, 3)),
    dl.Training(dl.CrossEntropy(), dl.SGD(0.1), batch_size=16, epochs=2, metrics=[dl.Accuracy()]),
    (x, y),
    (x[:10], y[:10]),
)
"""
USABLE = [f.name for f in installed_backends() if not (f.missing or f.problem)]
needs_torch = pytest.mark.skipif("torch" not in USABLE, reason="needs the torch backend")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "experiment_of_mine.py"
    path.write_text(FILE)
    return path


@pytest.fixture(autouse=True)
def _no_debug(monkeypatch: Any) -> None:
    monkeypatch.setattr(cli._Settings, "debug", False)


def run(*arguments: object) -> int:
    """The exit code."""
    with pytest.raises(SystemExit) as ended:
        cli.main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@needs_torch
def test_train_writes_what_is_needed_to_go_on(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs" / "one"
    assert run("train", file, "--backend", "torch", "--out", out) == 0
    shown = capsys.readouterr().out
    assert "epoch 2 of 2  loss" in shown
    history = json.loads((out / "history.json").read_text())
    assert len(history["steps"]) == 6
    assert set(history["epochs"][1]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert "def main" in (out / "training.py").read_text()
    assert {path.name for path in out.glob("*.npz")} == {
        f"training_{what}.npz" for what in ("data", "validation", "weights")
    }
    assert "import torch" in (out / "model.py").read_text()
    x = np.ones((2, 3), np.float32)
    trained = dl.load(out / "model.safetensors", backend="torch")(x)
    reference = dl.load(out / "model.safetensors", backend="reference")(x)
    np.testing.assert_allclose(trained, reference, atol=1e-6)


@needs_torch
def test_train_keeps_what_is_good_of_a_run_that_diverges(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(FILE.replace("dl.SGD(0.1)", "dl.SGD(1e30)"))
    assert run("train", file, "--backend", "torch", "--out", tmp_path / "out") == 1
    assert "error: training diverged: the loss of step" in capsys.readouterr().err
    net = dl.load(tmp_path / "out" / "model.safetensors", backend="torch")
    assert all(np.isfinite(value).all() for value in net.weights.values())
    steps = json.loads((tmp_path / "out" / "history.json").read_text())["steps"]
    assert steps[-1] is None


@needs_torch
def test_lr_find_prints_a_table_and_draws_a_plot(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / "made" / "lr.svg"
    arguments = ("lr-find", file, "--backend", "torch", "--steps", 30, "--highest", 1)
    assert run(*arguments, "--plot", plot) == 0
    printed = capsys.readouterr().out
    assert "learning rate" in printed
    assert f"The plot is in {plot}" in printed
    assert plot.read_text().lstrip().startswith("<?xml")
    assert run(*arguments, "--plot", tmp_path / "lr.doc") == 1
    assert "ends in .png, .svg, .pdf" in capsys.readouterr().err


@needs_torch
def test_train_keeps_what_an_interrupted_run_learnt(
    file: Path, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = Fitting.fit

    def interrupted(*arguments: Any) -> Any:
        history = fit(*arguments)
        history.interrupted = True
        return history

    monkeypatch.setattr(Fitting, "fit", interrupted)
    assert run("train", file, "--backend", "torch", "--out", tmp_path) == 130
    assert json.loads((tmp_path / "history.json").read_text())["interrupted"]
    assert "has been kept" in capsys.readouterr().err


@needs_torch
def test_emit_to_the_screen_and_to_a_file(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("emit", file, "--backend", "torch") == 0
    text = capsys.readouterr().out
    assert text.startswith("import torch")
    assert "class Trainer" not in text
    out = tmp_path / "new" / "training.py"
    assert run("emit", file, "--backend", "torch", "--training", "--out", out) == 0
    assert capsys.readouterr().out == ""
    assert "class Trainer" in out.read_text()
    assert (out.parent / "training_data.npz").exists()
    assert run("emit", file, "--backend", "torch", "--training") == 0
    assert 'np.load(folder / "training_data.npz")' in capsys.readouterr().out


def test_emit_for_the_reference_is_the_program(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("emit", file, "--backend", "reference") == 0
    assert capsys.readouterr().out.startswith("Sequential(x: float[batch, 3])")


def test_compare_hands_its_options_on(
    file: Path, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {}

    def compare(experiment: dl.Experiment, backends: list[str], **options: Any) -> Any:
        given.update(options, name=experiment.title, backends=backends)
        return sample()

    monkeypatch.setattr(sys.modules["polydl.compare"], "compare", compare)
    report = tmp_path / "here.html"
    assert (
        run("compare", file, "--backends", "torch, flax", "--threads", 1, "--report", report) == 0
    )
    assert given["name"] == "experiment_of_mine"
    assert given["backends"] == ["torch", "flax"]
    assert (given["threads"], given["device"], given["dtype"]) == (1, "cpu", "float32")
    assert given["report"] == report
    shown = capsys.readouterr().out
    assert "97.22%" in shown
    assert str(report) in shown


def test_backends_asks_each_in_a_process_of_its_own(
    monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [
        Installed("absent", "extra", ("absent_module",)),
        Installed("damaged", "damaged", (), "no requirements"),
        Installed("unheard", "unheard", ()),
    ]
    monkeypatch.setattr(backend_info, "installed_backends", lambda: found)
    assert run("backends") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert lines[1][:2] == ["absent", "missing"]
    assert lines[2][:2] == ["damaged", "broken"]
    assert lines[3][:2] == ["unheard", "broken"]
    assert lines[4] == ["reference", "installed", "numpy", np.__version__, "cpu"]
    assert ["absent:", "pip", "install", "'polydl[extra]'"] in lines
    assert any(line[0] == "unheard:" and "BackendError" in line[1] for line in lines[5:])


@needs_torch
def test_backends_shows_versions_and_devices(monkeypatch: Any) -> None:
    monkeypatch.setattr(
        backend_info, "installed_backends", lambda: [Installed("torch", "torch", ())]
    )
    info, _ = backend_info.query_backends()
    assert info.versions["torch"]
    assert "cpu" in info.devices
    assert not info.problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "there is no such file"),
        ("x = 1", "defines no `experiment`"),
        ("experiment = 1", "`experiment` is int, not a dl.Experiment"),
        (FILE.replace("experiment =", "mine ="), "an Experiment is in 'mine': rename it"),
        ("import numpy\n\n1 / 0", "line 3: ZeroDivisionError: division by zero"),
        ("import polydll", "line 1: there is no module 'polydll'"),
        ("x = = 1", "line 1: SyntaxError"),
        (FILE.replace("dl.Dense(4)", "dl.Dense(-4)"), "-4"),
        (FILE.replace("dl.Input((None, 3))", "dl.Input((None, 5))"), "expected the shape"),
    ],
)
def test_a_file_that_is_no_experiment(
    text: str | None, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.py"
    if text is not None:
        path.write_text(text)
    options = ("--backends", USABLE[0], "--report", tmp_path / "report.html")
    assert run("compare", path, *options) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert expected in shown.err
    assert shown.err.startswith("error: ")
    assert "Traceback" not in shown.err


def test_debug_shows_the_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file.py"
    path.write_text("1 / 0")
    assert run("emit", path, "--backend", "reference", "--debug") == 1
    assert "ZeroDivisionError" in capsys.readouterr().err.split("Traceback")[1]


def test_an_interrupt_is_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file.py"
    path.write_text("raise KeyboardInterrupt")
    assert run("emit", path, "--backend", "reference") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_an_unknown_backend_is_one_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("emit", file, "--backend", "torhc") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "Did you mean 'torch'?" in line


def test_python_m_polydl_and_a_light_import(file: Path) -> None:
    code = "import polydl.cli, sys; assert not {'torch', 'jax', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import polydl.compile, polydl.compare; assert callable(polydl.compile)"
    subprocess.run([sys.executable, "-c", f"{code} and callable(polydl.compare)"], check=True)
    command = [sys.executable, "-m", "polydl", "--version"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == f"polydl {dl.__version__}"


def test_an_experiment_file_may_import_its_neighbours(tmp_path: Path) -> None:
    from polydl.experiment import load_experiment

    (tmp_path / "neighbour_of_file.py").write_text(FILE)
    path = tmp_path / "file.py"
    path.write_text("from neighbour_of_file import experiment")
    assert load_experiment(path).title == "file"
    assert str(tmp_path) not in sys.path


def test_conformance_of_an_unknown_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("conformance", "--row", "LSMT") == 1
    assert "no row is about 'LSMT'. Did you mean 'LSTM'?" in capsys.readouterr().err
