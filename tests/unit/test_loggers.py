"""Logs of a run: their contents, runs that go on, files that cannot be written."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.callbacks.event_file import masked_crc
from polydl.errors import DataError, DefinitionError

pytest.importorskip("torch")
RNG = np.random.default_rng(0)
data = RNG.normal(size=(20, 4)), RNG.integers(0, 3, 20).astype(np.int32)
held_out = RNG.normal(size=(8, 4)), RNG.integers(0, 3, 8).astype(np.int32)


def net() -> dl.Net:
    return dl.compile(dl.Sequential(dl.Dense(3)), dl.Input((None, 4)), backend="torch")


def training(*callbacks: dl.Callback, **options: Any) -> dl.Training:
    defaults = {"epochs": 3, "batch_size": 8, "metrics": ["accuracy", "confusion_matrix"]}
    return dl.Training(dl.CrossEntropy(), dl.SGD(0.1), callbacks=callbacks, **defaults | options)


class Killed(dl.Callback):
    def __init__(self, epoch: int):
        self.epoch = epoch

    def on_epoch_end(self, run: dl.Run, epoch: int, scores: dict[str, float]) -> None:
        if epoch == self.epoch:
            raise RuntimeError("killed")


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(newline="")))


def test_a_table(tmp_path):
    path = tmp_path / "new" / "log.csv"
    history = net().fit(training(dl.CSVLogger(path)), data, held_out)
    found = rows(path)
    assert list(found[0]) == ["epoch", "step", "loss", "accuracy", "val_loss", "val_accuracy"]
    for i, (row, scores) in enumerate(zip(found, history.epochs, strict=True)):
        assert (row["epoch"], row["step"]) == (str(i + 1), str(3 * (i + 1)))
        assert all(float(row[name]) == scores[name] for name in list(row)[2:])


def test_json_lines_hold_arrays_too(tmp_path):
    path = tmp_path / "log.jsonl"
    history = net().fit(training(dl.JSONLinesLogger(path)), data, held_out)
    found = [json.loads(line) for line in path.read_text().splitlines()]
    expected = [{"epoch": i + 1, "step": 3 * (i + 1), **s} for i, s in enumerate(history.epochs)]
    assert found == expected
    assert isinstance(found[0]["val_confusion_matrix"][0], list)


@pytest.mark.parametrize("kind", [dl.CSVLogger, dl.JSONLinesLogger])
def test_a_run_that_resumes_leaves_the_log_of_the_whole_one(kind, tmp_path):
    checkpoint = dl.Checkpoint(str(tmp_path / "run"), every_epochs=2)
    log, whole = tmp_path / "log", tmp_path / "whole"
    net().fit(training(kind(whole), epochs=5), data, held_out)
    with pytest.raises(RuntimeError, match="killed"):
        net().fit(training(kind(log), Killed(3), epochs=5, checkpoint=checkpoint), data, held_out)
    with log.open("a") as file:
        file.write('{"epoch": 4, "st' if kind is dl.JSONLinesLogger else "4,1")  # by half
    net().fit(training(kind(log), epochs=5, checkpoint=checkpoint), data, held_out, resume=True)
    assert log.read_text() == whole.read_text()


@pytest.mark.parametrize("kind", [dl.CSVLogger, dl.JSONLinesLogger])
def test_a_second_fit_goes_on_and_a_new_net_begins_anew(kind, tmp_path):
    path, one = tmp_path / "log", net()
    one.fit(training(kind(path), epochs=2), data)
    one.fit(training(kind(path), epochs=1), data, held_out)  # with new columns
    assert len(path.read_text().splitlines()) == 3 + (kind is dl.CSVLogger)
    net().fit(training(kind(path), epochs=1), data)
    assert len(path.read_text().splitlines()) == 1 + (kind is dl.CSVLogger)


def test_a_new_column_leaves_gaps_before(tmp_path):
    path, one = tmp_path / "log.csv", net()
    one.fit(training(dl.CSVLogger(path), epochs=1), data)
    history = one.fit(training(dl.CSVLogger(path), epochs=1), data, held_out)
    first, second = rows(path)
    assert first["val_loss"] == ""
    assert float(second["val_loss"]) == history.epochs[0]["val_loss"]


def test_what_is_not_finite_is_null(tmp_path):
    log = dl.JSONLinesLogger(tmp_path / "log.jsonl")
    log.begin([])
    log.add({"epoch": 1, "loss": float("nan"), "shares": [0.5, float("inf")]})
    assert json.loads((tmp_path / "log.jsonl").read_text())["shares"] == [0.5, None]
    assert "NaN" not in (tmp_path / "log.jsonl").read_text()


def test_checksums_are_those_of_the_rfc():
    """RFC 3720, B.4: 32 bytes of zeros have the CRC-32C 8a9136aa."""
    crc = 0x8A9136AA
    assert masked_crc(bytes(32)) == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_tensorflow_reads_the_event_files(tmp_path):
    tf = pytest.importorskip("tensorflow")
    one = net()
    first = one.fit(training(dl.TensorBoard(tmp_path), epochs=2), data, held_out)
    second = one.fit(training(dl.TensorBoard(tmp_path), epochs=1), data, held_out)
    for part, prefix in (("train", ""), ("validation", "val_")):
        files = sorted((tmp_path / part).iterdir())
        assert len(files) == 2
        events = [list(tf.compat.v1.train.summary_iterator(str(file))) for file in files]
        assert [event.file_version for event in events[0]] == ["brain.Event:2", "", "", ""]
        starts = [e[1] for e in events]
        assert [(e.session_log.status, e.step) for e in starts] == [(1, 1), (1, 7)]
        found = [e for part in events for e in part[2:]]
        assert [e.step for e in found] == [3, 6, 9]
        for event, scores in zip(found, [*first.epochs, *second.epochs], strict=True):
            shown = {value.tag: value.simple_value for value in event.summary.value}
            assert list(shown) == ["loss", "accuracy"]
            for name, value in shown.items():
                assert value == np.float32(scores[f"{prefix}{name}"])


def test_bad_input(tmp_path):
    with pytest.raises(DefinitionError, match="CSVLogger: path must be that of a file, got 3"):
        dl.CSVLogger(3)
    with pytest.raises(DefinitionError, match="TensorBoard: folder must be a path, got ''"):
        dl.TensorBoard("")
    (tmp_path / "file").write_text("")
    for log in (dl.CSVLogger(tmp_path / "file" / "log"), dl.CSVLogger(tmp_path),
                dl.TensorBoard(tmp_path / "file")):  # fmt: skip
        one = net()
        before = one.weights
        with pytest.raises(DataError, match=r"cannot be written: .*Give another"):
            one.fit(training(log), data)
        np.testing.assert_array_equal(one.weights["0.kernel"], before["0.kernel"])
    one = net()
    one.fit(training(epochs=1), data)
    (tmp_path / "other").write_text("a,b\n1,2\n")
    for kind in (dl.CSVLogger, dl.JSONLinesLogger):
        with pytest.raises(DataError, match="is there and is no such log"):
            one.fit(training(kind(tmp_path / "other")), data)


def test_json_of_a_training(tmp_path):
    settings = training(dl.CSVLogger("a.csv"), dl.TensorBoard("logs"), dl.JSONLinesLogger("a"))
    again = dl.Training.from_json(settings.to_json()).callbacks
    assert [c.config() for c in again] == [c.config() for c in settings.callbacks]
