"""Training programs as scripts: in a process without polydl they do what `fit` does, bit for bit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.backend import installed_backends
from polydl.conformance.standalone import BLOCKER
from polydl.errors import DefinitionError, PolydlError

BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]
TIMEOUT = 300
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 6)).astype(np.float32), RNG.integers(0, 3, 50).astype(np.int32)
IMAGES = RNG.normal(size=(50, 6, 6, 2)).astype(np.float32)
RUNNER = f"""{BLOCKER}
import runpy

for script in sys.argv[1:]:
    runpy.run_path(script, run_name="__main__")
"""


def plain(backend: str) -> tuple[dl.Net, dl.Training, tuple, tuple]:
    """An MLP with the framework's own dropout, and a run that a plateau slows and then ends."""
    model = dl.Sequential(
        dl.Dense(16), dl.relu, dl.Dropout(0.3), dl.Dense(8), dl.tanh, dl.Dropout(0.2), dl.Dense(3)
    )
    training = dl.Training(
        loss=dl.CrossEntropy(), optimizer=dl.Adam(1e-2), batch_size=8, epochs=5,
        metrics=[dl.Accuracy()],
        callbacks=[
            dl.ReduceLROnPlateau("val_loss", patience=1, min_delta=9.0),
            dl.EarlyStopping("val_loss", patience=3, min_delta=9.0),
        ],
    )  # fmt: skip
    return (
        dl.compile(model, dl.Input((None, 6)), backend=backend), training, (X, Y), (X[:20], Y[:20])
    )  # fmt: skip


class Network(dl.Module):
    def __init__(self) -> None:
        self.conv = dl.Conv2D(4, 3)
        self.norm = dl.BatchNorm()
        self.flatten = dl.Flatten()
        self.dropout = dl.Dropout(0.3)
        self.classify = dl.Dense(3)

    def __call__(self, image):
        h = self.flatten(dl.relu(self.norm(self.conv(image))))
        return self.classify(self.dropout(h))


def rich(backend: str) -> tuple[dl.Net, dl.Training, tuple, None]:
    """State, and kernels in layouts that differ; weights of samples; portable dropout."""
    training = dl.Training(
        loss=dl.CrossEntropy(),
        optimizer=dl.SGD(dl.Warmup(dl.CosineDecay(0.05, 10), 3), momentum=0.9, weight_decay=0.01),
        batch_size=8,
        epochs=2,
        metrics=[dl.ConfusionMatrix()],
        randomness="portable",
        accumulate=2,
        clip_norm=1.0,
        average=dl.EMA(0.8),
        groups=[dl.ParameterGroup("conv.*", rate=0.1), dl.ParameterGroup("norm.*", frozen=True)],
    )
    weights = np.linspace(0.5, 1.5, 50, dtype=np.float32)
    net = dl.compile(Network(), dl.Input((None, 6, 6, 2)), backend=backend)
    return net, training, (IMAGES, Y, weights), None


def run_alone(folder: Path, *names: str) -> str:
    (folder / "runner.py").write_text(RUNNER)
    done = subprocess.run(
        [sys.executable, "-I", "runner.py", *names],
        cwd=folder, capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("backend", BACKENDS)
def test_scripts_have_the_losses_and_weights_of_fit(backend: str, tmp_path: Path) -> None:
    made = {"plain": plain(backend), "rich": rich(backend)}
    for name, (net, *run) in made.items():
        net.save_training(tmp_path / f"{name}.py", *run)
    printed = run_alone(tmp_path, *(f"{name}.py" for name in made)).splitlines()
    for name, (net, *run) in made.items():
        history = net.fit(*run)
        losses = np.load(tmp_path / f"{name}_losses.npy")
        np.testing.assert_array_equal(losses, history.steps, err_msg=name)
        for scores in history.epochs:
            numbers = {k: v for k, v in scores.items() if not isinstance(v, list)}
            assert printed.pop(0) == "  ".join(f"{k} {v:.4f}" for k, v in numbers.items())
    assert not printed
    net, name = made["rich"][0], "rich"
    for kind, expected in (("trained", net.weights), ("averaged", net.averaged_weights)):
        stem = f"{name}_{kind}"
        net.import_native(saved(tmp_path, stem, backend))
        for path, value in net.weights.items():
            np.testing.assert_array_equal(value, expected[path], err_msg=f"{stem} {path}")


def saved(folder: Path, stem: str, backend: str) -> Any:
    """What a script saved, as `import_native` takes it."""
    if backend != "flax":
        return folder / f"{stem}.{'pt' if backend == 'torch' else 'weights.h5'}"
    ocp = pytest.importorskip("orbax.checkpoint")
    with ocp.StandardCheckpointer() as checkpointer:
        return checkpointer.restore(folder / stem)


def test_batches_from_an_iterable_are_a_function_to_fill_in(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    net, training, (x, y), validation = plain("torch")
    batches = [(x[i : i + 8], y[i : i + 8]) for i in range(0, 50, 8)]
    paths = net.save_training(tmp_path / "run.py", training, batches, validation)
    assert [path.name for path in paths] == ["run.py", "run_weights.npz"]
    text = paths[0].read_text()
    assert "    x: float32 (batch, 6)\n    targets: int32 (batch,)\n" in text
    with pytest.raises(AssertionError, match="NotImplementedError: training_batches: give your"):
        run_alone(tmp_path, "run.py")
    np.savez(tmp_path / "own.npz", x=x, y=y)
    cut = (
        'own = np.load("own.npz")\n    return [(own["x"][i : i + 8], own["y"][i : i + 8]) for i in '
    )
    for name, count in (("training", 50), ("validation", 20)):
        unfilled = f'raise NotImplementedError("{name}_batches: give your batches here")'
        assert unfilled in text
        text = text.replace(unfilled, f"{cut}range(0, {count}, 8)]")
    paths[0].write_text(text)
    run_alone(tmp_path, "run.py")
    history = net.fit(training, batches, validation)
    np.testing.assert_array_equal(np.load(tmp_path / "run_losses.npy"), history.steps)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    net, *run = plain("torch")
    with pytest.raises(DefinitionError, match=r"a path that ends in \.py, got .*run\.txt"):
        net.save_training(tmp_path / "run.txt", *run)
    with pytest.raises(PolydlError, match=r"the script cannot be written: No such file"):
        net.save_training(tmp_path / "none" / "run.py", *run)
    with pytest.raises(DefinitionError, match=r"torch\.py would be taken for the module 'torch'"):
        net.save_training(tmp_path / "torch.py", *run)

    class Halve(dl.Callback):
        changes_rate = True

    class Look(dl.Callback):
        pass

    training, *data = run
    with pytest.raises(DefinitionError, match="Halve changes the learning rate, and a script"):
        net.save_training(tmp_path / "run.py", replace(training, callbacks=[Halve()]), *data)
    text = net.emit_script(replace(training, callbacks=[Look(), dl.ProgressBar()]), *data)
    assert text.startswith("# callbacks that are no part of it: Look\n")
    shutil.rmtree(tmp_path)
