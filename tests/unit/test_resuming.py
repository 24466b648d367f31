"""Runs that go on: with the same callbacks, from whole files, and with what was asked for written."""

from __future__ import annotations

import json
import re
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.errors import CheckpointError, DefinitionError, ResumeWarning
from polydl.training.run_state import read_checkpoint

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3)).astype(np.float32)
DATA = X, X[:, :1] ** 2


def net(backend: str = "torch") -> dl.Net:
    pytest.importorskip("torch")
    model = dl.Sequential(dl.Dense(4, activation="tanh"), dl.Dropout(0.2), dl.Dense(1))
    return dl.compile(model, dl.Input((None, 3)), backend=backend, seed=0)


def training(*callbacks: dl.Callback, **options: Any) -> dl.Training:
    given = {"loss": dl.MSE(), "optimizer": dl.Adam(1e-2), "batch_size": 8, "epochs": 3}
    return dl.Training(**{**given, **options}, callbacks=callbacks)


def fit(given: dl.Training, **options: Any) -> dl.Net:
    made = net()
    made.fit(given, DATA, validation=DATA, progress=False, **options)
    return made


class Counter(dl.Callback):
    """Counts epochs, from what it is given."""

    def __init__(self) -> None:
        self.count = 0

    def on_epoch_end(self, run: dl.Run, epoch: int, scores: dict[str, float]) -> None:
        self.count += 1

    def state(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state(self, state: dict[str, Any]) -> None:
        self.count = state["count"]


class Other(Counter):
    pass


PLATEAU, STOPPING = dl.ReduceLROnPlateau(patience=1), dl.EarlyStopping(patience=9)
CHANGED = {
    "dropped": [STOPPING],
    "all dropped": [],
    "added": [PLATEAU, STOPPING, dl.EarlyStopping("loss", patience=9, restore_best=False)],
    "other settings": [dl.ReduceLROnPlateau(patience=2), STOPPING],
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_run_does_not_go_on_with_other_deciding_callbacks(name: str, tmp_path: Path) -> None:
    fit(training(PLATEAU, STOPPING, checkpoint=dl.Checkpoint(tmp_path)))
    with pytest.raises(
        CheckpointError, match=r"run with callbacks=\[.*patience=9.*this one has \["
    ):
        fit(training(*CHANGED[name], epochs=5), resume=tmp_path)
    fit(training(STOPPING, PLATEAU, epochs=5), resume=tmp_path)


def test_the_first_of_a_kind_goes_on_where_the_first_of_it_was(tmp_path: Path) -> None:
    fit(training(Counter(), Other(), Counter(), checkpoint=dl.Checkpoint(tmp_path)))
    others = Other(), Counter(), dl.CSVLogger(tmp_path / "log.csv"), Counter(), Counter()
    others[4].count = 7
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(training(*others, epochs=5), resume=tmp_path)
    assert [others[i].count for i in (0, 1, 3, 4)] == [5, 5, 5, 9]
    one = Counter()
    with pytest.warns(ResumeWarning, match=r"no such: Counter, Other\. The run goes on without"):
        fit(training(one, epochs=5), resume=tmp_path)
    assert one.count == 5


def test_a_state_that_no_file_can_hold(tmp_path: Path) -> None:
    class Arrays(Counter):
        def state(self) -> dict[str, Any]:
            return {"best": np.zeros(2)}

    with pytest.raises(CheckpointError, match=r"Arrays\.state\(\) gives what .* array\.tolist\(\)"):
        fit(training(Arrays(), checkpoint=dl.Checkpoint(tmp_path, every_steps=2)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("factor", [-1, "x", None, np.nan, np.inf, True, np.float32(-0.5)])
def test_factors_of_the_rate_that_are_none(factor: Any) -> None:
    class Factor(dl.Callback):
        changes_rate = True

        def on_epoch_begin(self, run: dl.Run, epoch: int) -> None:
            run.rate_factor = np.float32(0.5)
            run.rate_factor = factor

    with pytest.raises(
        DefinitionError, match=r"run\.rate_factor must be a finite number of 0 or more"
    ):
        fit(training(Factor()))


class Written(dl.Callback):
    """After which steps `last` was written."""

    def __init__(self, folder: Path):
        self.last, self.steps = folder / "last.safetensors", []

    def on_step_end(self, run: dl.Run, step: int) -> None:
        if self.last.exists():
            found = read_checkpoint(self.last)[1].step
            self.steps += [found] if found not in self.steps else []


def test_steps_are_multiples(tmp_path: Path) -> None:
    seen = Written(tmp_path)
    fit(training(seen, checkpoint=dl.Checkpoint(tmp_path, every_steps=4)))
    assert seen.steps == [4, 5, 8, 10, 12]  # 5 and 10 are the epochs' ends
    assert read_checkpoint(seen.last)[1].step == 15
    alone = Written(tmp_path / "alone")
    fit(training(alone, checkpoint=dl.Checkpoint(tmp_path / "alone", None, every_steps=4)))
    assert alone.steps == [4, 8, 12]


def test_each_run_keeps_its_own_files(tmp_path: Path) -> None:
    def numbers() -> list[int]:
        return sorted(int(path.stem[5:]) for path in tmp_path.glob("step-*"))

    keep = dl.Checkpoint(tmp_path, keep=2)
    fit(training(checkpoint=keep, epochs=6))
    assert numbers() == [25, 30]
    fit(training(checkpoint=keep, seed=1))
    assert numbers() == [10, 15, 25, 30]
    fit(training(checkpoint=keep, seed=1, epochs=4), resume=True)
    assert numbers() == [15, 20, 25, 30]


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    return json.loads(whole[8 : 8 + length]), whole[8 + length :]


def write(path: Path, header: dict[str, Any], body: bytes) -> None:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def flattened(name: str, change: Any = lambda shape: [*shape, 1]) -> Any:
    """Another shape, of as many numbers."""

    def damage(header: dict[str, Any], body: bytearray) -> None:
        header[name]["shape"] = change(header[name]["shape"])

    return damage


def said(key: str, text: str, **changed: Any) -> Any:
    """Another text in the metadata, or other parts of what it says."""

    def damage(header: dict[str, Any], body: bytearray) -> None:
        found = json.loads(header["__metadata__"][key])
        header["__metadata__"][key] = text or json.dumps({**found, **changed})

    return damage


def renamed(name: str) -> Any:
    def damage(header: dict[str, Any], body: bytearray) -> None:
        header["run:nothing"] = header.pop(name)
        del header["__metadata__"]["polydl.sums"]

    return damage


def flipped(header: dict[str, Any], body: bytearray) -> None:
    start, _ = header["0.kernel"]["data_offsets"]
    body[start + 3] ^= 0xFF


MOMENT = "run:optimizer:first_moment:0.kernel"
DAMAGES = {
    "flipped bytes": (flipped, "'0.kernel' holds other numbers than were written"),
    "a slot's shape": (
        flattened(MOMENT),
        rf"'{MOMENT}' is \(3, 4, 1\), where this run has \(3, 4\)",
    ),
    "a best weight's": (flattened("run:best:2.bias"), r"'run:best:2.bias' is \(1, 1\), where"),
    "an average's": (flattened("run:average:2.bias"), r"'run:average:2.bias' is \(1, 1\), where"),
    "the losses'": (flattened("run:losses"), r"'run:losses' is \(15, 1\), where"),
    "a generator's": (flattened("run:random:cpu"), r"'run:random:cpu' is \(\d+, 1\), where"),
    "no slot": (renamed(MOMENT), "lacks a part of a run: 'optimizer:first_moment:0.kernel'"),
    "fewer slots": (said("polydl.run", "", slots={}), "'run:optimizer:.*:0.kernel' is missing"),
    "no JSON": (said("polydl.run", "garbage"), "what it says of its run is no JSON"),
    "another JSON": (said("polydl.run", "[]"), "is of another format of checkpoints"),
    "no epochs": (said("polydl.run", "", epochs=None), "lacks a part of a run: 'epochs' is None"),
    "no sums": (said("polydl.sums", "3"), "its polydl.sums cannot be read"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    fit(training(STOPPING, average=dl.EMA(0.9), checkpoint=dl.Checkpoint(folder)))
    return folder / "last.safetensors"


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_named_before_a_weight_is_touched(
    name: str, whole: Path, tmp_path: Path
) -> None:
    damage, text = DAMAGES[name]
    header, body = parts(whole)
    changed = bytearray(body)
    damage(header, changed)
    path = tmp_path / "damaged.safetensors"
    write(path, header, bytes(changed))
    made = net()
    before = made.weights
    given = training(STOPPING, average=dl.EMA(0.9), epochs=5)
    with pytest.raises(CheckpointError, match=f"{re.escape(str(path))}.*{text}"):
        made.fit(given, DATA, validation=DATA, progress=False, resume=path)
    assert all(np.array_equal(before[at], value) for at, value in made.weights.items())
