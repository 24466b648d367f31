"""Checkpoint files: complete or not there, whatever happens while one is written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import polydl as dl
from polydl.errors import CheckpointError, DefinitionError
from polydl.training import checkpointer
from polydl.training.run_state import RunState, read_checkpoint, write_checkpoint

ROOT = Path(__file__).parents[2]
PROGRAM = dl.trace(dl.Sequential(dl.Dense(2)), dl.Input((None, 3)))


def state(step: int) -> RunState:
    rng = np.random.default_rng(step)
    weights = {"0.kernel": rng.standard_normal((3, 2)), "0.bias": rng.standard_normal(2)}
    return RunState(
        step=step, epoch=1, losses=np.arange(5.0),
        done=[np.ones((2, 1)), np.array([4, 4]), *(np.full(2, float(i)) for i in range(10))],
        epochs=[{"loss": 0.5, "matrix": [[1.0, 2.0]]}], weights=weights,
        optimizer={path: {"velocity": 2 * value} for path, value in weights.items()},
        about={"backend": "torch"}, averages={"0.bias": weights["0.bias"]},
        random={"cpu": np.arange(5, dtype=np.uint8), "0": np.array(3, np.uint32)},
        callbacks=[["bar", {"best": 1.0}]], best=0.25,
    )  # fmt: skip


def same(a: RunState, b: RunState) -> bool:
    def flat(value: object) -> object:
        if isinstance(value, np.ndarray):
            return value.dtype.name, value.shape, value.tobytes()
        if isinstance(value, dict):
            return {k: flat(v) for k, v in value.items()}
        return [flat(v) for v in value] if isinstance(value, list) else value

    return flat(dict(sorted(vars(a).items()))) == flat(dict(sorted(vars(b).items())))


def test_everything_comes_back(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "run.safetensors", PROGRAM, state(7))
    program, found = read_checkpoint(tmp_path / "run.safetensors")
    assert program == PROGRAM
    assert same(found, state(7))


def test_a_checkpoint_is_a_model_with_its_weights(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "run.safetensors", PROGRAM, state(7))
    net = dl.load(tmp_path / "run.safetensors", backend="reference", dtype="float64")
    assert np.array_equal(net.weights["0.kernel"], state(7).weights["0.kernel"])
    net.load_weights(tmp_path / "run.safetensors")


# a death at each phase of writing the second checkpoint: what is patched, and the call that dies
DEATHS = {
    "before the file": ("pathlib.Path.open", 1),
    "in the header": ("json.dumps", 3),
    "among the arrays": ("numpy.ndarray.reshape", 3),
    "before it is on the disk": ("os.fsync", 1),
    "before it is in its place": ("os.replace", 1),
    "after it is in its place": ("polydl.weights.files._sync_folder", 1),
    "before its copy": ("shutil.copyfile", 1),
    "before its copy is in its place": ("os.replace", 2),
    "before older ones are gone": ("pathlib.Path.unlink", 2),
}

DYING = """
import os, sys
sys.path[:0] = {paths!r}
import numpy as np
from tests.unit.test_checkpoints import PROGRAM, state
from polydl.training.checkpoint import Checkpoint
from polydl.training.checkpointer import Checkpointer
from polydl.training.history import History
from polydl.training.run import Run

run = Run(None, None, 1, None)
now = [5]
keeper = Checkpointer(
    Checkpoint({folder!r}, every_steps=1, keep=1), PROGRAM, lambda *_: state(now[0]), run, 0.25
)
keeper.before_step(5, [], [], False)
now[0] = 9
name, number = {death!r}
where, _, attribute = name.rpartition(".")
import importlib
try:
    owner = importlib.import_module(where)
except ImportError:
    module, _, cls = where.rpartition(".")
    owner = getattr(importlib.import_module(module), cls)
calls = [0]
if where == "numpy.ndarray":  # an array's method cannot be replaced: count the writes instead
    import polydl.weights.files as files
    class Writes:
        def __init__(self, file): self.file = file
        def write(self, data):
            calls[0] += 1
            if calls[0] == number + 2:
                self.file.write(bytes(data)[:7]); self.file.flush(); os._exit(9)
            return self.file.write(data)
        def __getattr__(self, name): return getattr(self.file, name)
    before = files._replacing
    from contextlib import contextmanager
    @contextmanager
    def replacing(path):
        with before(path) as file:
            yield Writes(file)
    files._replacing = replacing
else:
    original = getattr(owner, attribute)
    def dies(*arguments, **named):
        calls[0] += 1
        if calls[0] == number:
            os._exit(9)
        return original(*arguments, **named)
    setattr(owner, attribute, dies)
keeper.before_step(9, [], [], False)
"""


@pytest.mark.parametrize("phase", DEATHS)
def test_a_death_while_writing_leaves_a_whole_checkpoint(phase: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    paths = [str(ROOT), str(ROOT / "backends")]
    code = DYING.format(folder=str(folder), paths=paths, death=DEATHS[phase])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 9, f"it did not die: {done.returncode} {done.stderr}"
    files = sorted(folder.glob("*.safetensors"))
    assert files
    for file in files:
        _, found = read_checkpoint(file)
        assert found.kept == {5: [], 9: [5]}[found.step]
        assert same(replace(found, kept=[]), state(found.step))
    newest = checkpointer.newest(str(folder))
    assert newest is not None
    checkpointer._prepare(folder)
    assert not list(folder.glob(".*.partial"))


FULL = """
import sys
sys.path[:0] = {paths!r}
import resource
from tests.unit.test_checkpoints import PROGRAM, state
from polydl.errors import CheckpointError
from polydl.training.run_state import write_checkpoint

write_checkpoint({path!r}, PROGRAM, state(5))
resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))  # no file may grow beyond: as on a full disk
try:
    write_checkpoint({path!r}, PROGRAM, state(9))
except CheckpointError as error:
    print(error)
    sys.exit(7)
"""


def test_no_room_is_an_error_and_the_checkpoint_before_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    code = FULL.format(path=str(path), paths=[str(ROOT), str(ROOT / "backends")])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 7, done.stderr
    assert "cannot be written" in done.stdout
    assert "The checkpoint before is whole" in done.stdout
    assert same(read_checkpoint(path)[1], state(5))
    assert os.listdir(tmp_path) == ["last.safetensors"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.safetensors"
    write_checkpoint(path, PROGRAM, state(5))

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(CheckpointError, match=os.strerror(number)):
        write_checkpoint(path, PROGRAM, state(9))
    assert same(read_checkpoint(path)[1], state(5))


def net_and_data() -> tuple[dl.Net, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 3)).astype(np.float32)
    model = dl.Sequential(dl.Dense(4, activation="tanh"), dl.Dropout(0.2), dl.Dense(1))
    net = dl.compile(model, dl.Input((None, 3)), backend="torch", seed=0)
    return net, (x, x[:, :1] ** 2)


def training(folder: Path | str | None = None, **options: object) -> dl.Training:
    given = {"loss": dl.MSE(), "optimizer": dl.Adam(1e-2), "batch_size": 8, "epochs": 3}
    if folder is not None:
        given["checkpoint"] = dl.Checkpoint(str(folder))
    return dl.Training(**{**given, **options})  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    net, data = net_and_data()
    before = net.weights
    with pytest.raises(CheckpointError, match=r"cannot be written to .* Give a folder"):
        net.fit(training(tmp_path / "file" / "run"), data)
    assert all(np.array_equal(before[path], value) for path, value in net.weights.items())


RISING = dl.Piecewise([15], [0.01, 3.0])  # learns for three epochs, and then unlearns


def test_the_best_epoch_is_kept(tmp_path: Path) -> None:
    net, data = net_and_data()
    keep = dl.Checkpoint(str(tmp_path), best="val_loss", keep=2)
    held = []
    history = net.fit(
        training(checkpoint=keep, optimizer=dl.Adam(RISING), epochs=6), data, validation=data,
        after_epoch=lambda epoch, scores: held.append(net.weights),
    )  # fmt: skip
    scores = [scores["val_loss"] for scores in history.epochs]
    best = int(np.argmin(scores))
    assert 0 < best < 5, "the run must have its best in the middle"
    _, found = read_checkpoint(tmp_path / "best.safetensors")
    assert found.best == scores[best]
    assert all(np.array_equal(held[best][path], v) for path, v in found.weights.items())
    numbered = sorted(path.name for path in tmp_path.glob("step-*"))
    assert numbered == ["step-00000025.safetensors", "step-00000030.safetensors"]


def test_an_interrupt_writes_where_the_run_stood(tmp_path: Path) -> None:
    whole, data = net_and_data()
    expected = whole.fit(training(), data)

    class Stop(dl.Callback):
        def on_step_end(self, run: dl.Run, step: int) -> None:
            if step == 7:
                os.kill(os.getpid(), 2)

    net, _ = net_and_data()
    assert net.fit(training(tmp_path, callbacks=[Stop()]), data).interrupted
    other, _ = net_and_data()
    history = other.fit(training(tmp_path), data, resume=True)
    assert np.array_equal(history.steps, expected.steps)
    assert all(np.array_equal(other.weights[p], v) for p, v in whole.weights.items())


def test_a_run_that_is_over_stays_as_it_is(tmp_path: Path) -> None:
    net, data = net_and_data()
    first = net.fit(training(tmp_path), data)
    again, _ = net_and_data()
    assert np.array_equal(again.fit(training(tmp_path), data, resume=True).steps, first.steps)
    longer, _ = net_and_data()
    more = longer.fit(training(tmp_path, epochs=5), data, resume=tmp_path)
    assert len(more.steps) == 25
    assert len(more.epochs) == 5


BAD_RESUMES = {
    "another optimizer": (
        lambda t, d: (replace(t, optimizer=dl.Adam(0.5)), d),
        r"run with optimizer=Adam\(learning_rate=0.01, .* this one has Adam\(learning_rate=0.5",
    ),
    "another batch size": (
        lambda t, d: (replace(t, batch_size=4), d), "batch_size=8, this one has 4",
    ),
    "other data": (
        lambda t, d: (t, (d[0] + 1, d[1])), "other data: the same shapes, but other numbers",
    ),
    "more data": (lambda t, d: (t, (d[0][:30], d[1][:30])), r"arrays of the shapes \[\(40, 3\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_RESUMES)
def test_a_run_of_something_else_does_not_go_on(name: str, tmp_path: Path) -> None:
    change, text = BAD_RESUMES[name]
    net, data = net_and_data()
    net.fit(training(tmp_path), data)
    before = net.weights
    changed, other = change(training(tmp_path, epochs=5), data)
    with pytest.raises(CheckpointError, match=text):
        net.fit(changed, other, resume=True)
    assert all(np.array_equal(before[path], value) for path, value in net.weights.items())


def test_another_model_or_dtype_does_not_go_on(tmp_path: Path) -> None:
    net, data = net_and_data()
    net.fit(training(tmp_path), data)
    other = dl.compile(dl.Sequential(dl.Dense(1)), dl.Input((None, 3)), backend="torch")
    with pytest.raises(CheckpointError, match=r"of another model\. Compile the model"):
        other.fit(training(epochs=5), data, resume=tmp_path)
    double = dl.compile(net.program, backend="torch", dtype="float64")
    with pytest.raises(CheckpointError, match="run in float32, this net is in float64"):
        double.fit(training(epochs=5), data, resume=tmp_path)


def test_native_randomness_does_not_move(tmp_path: Path) -> None:
    net, data = net_and_data()
    net.fit(training(tmp_path), data)
    other = dl.compile(net.program, backend="flax")
    with pytest.raises(CheckpointError, match=r'draws from the framework.*randomness="portable"'):
        other.fit(training(epochs=5), data, resume=tmp_path)


BAD_PLACES = {
    "no checkpoint asked for": (lambda folder: True, "which has none. Give Training"),
    "an empty folder": (lambda folder: folder, "there is no checkpoint in"),
    "no such file": (lambda folder: folder / "none.safetensors", "there is no such file or folder"),
    "not a path": (lambda folder: 3, "resume must be True, False, a folder or a file"),
}


@pytest.mark.parametrize("name", BAD_PLACES)
def test_nothing_to_go_on_from(name: str, tmp_path: Path) -> None:
    given, text = BAD_PLACES[name]
    net, data = net_and_data()
    with pytest.raises(CheckpointError, match=text):
        net.fit(training(), data, resume=given(tmp_path))


def test_a_file_that_is_half_there_or_no_checkpoint(tmp_path: Path) -> None:
    net, data = net_and_data()
    net.fit(training(tmp_path), data)
    whole = (tmp_path / "last.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="is no complete safetensors file"):
        net.fit(training(epochs=5), data, resume=tmp_path / "half.safetensors")
    net.save(tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="is no checkpoint of a training run"):
        net.fit(training(epochs=5), data, resume=tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"folder": ""}, "folder must be a path"),
        ({"folder": "a", "every_steps": 0}, "every_steps must be an integer of 1 or more, got 0"),
        ({"folder": "a", "every_epochs": None}, "it is never written"),
        ({"folder": "a", "mode": "most"}, "mode must be 'min' or 'max', got 'most'"),
    ],
)
def test_settings(options: dict[str, object], text: str) -> None:
    with pytest.raises(DefinitionError, match=text):
        dl.Checkpoint(**options)  # type: ignore[arg-type]


def test_in_json() -> None:
    given = training("run", checkpoint=dl.Checkpoint("run", every_steps=3, best="val_loss"))
    assert dl.Training.from_json(given.to_json()).checkpoint == given.checkpoint


@pytest.mark.parametrize(
    ("best", "text"),
    [
        ("val_los", "Checkpoint: there is no score 'val_los' to monitor. Did you mean 'val_loss'"),
        ("val_loss", "Checkpoint monitors 'val_loss', but there is no validation"),
    ],
)
def test_a_score_that_is_not_there(best: str, text: str, tmp_path: Path) -> None:
    net, data = net_and_data()
    with pytest.raises(DefinitionError, match=text):
        net.fit(training(checkpoint=dl.Checkpoint(str(tmp_path), best=best)), data)


def test_fewer_epochs_than_were_made(tmp_path: Path) -> None:
    net, data = net_and_data()
    net.fit(training(tmp_path), data)
    with pytest.raises(CheckpointError, match="has made 3 epochs, more than epochs=1"):
        net.fit(training(epochs=1), data, resume=tmp_path)
