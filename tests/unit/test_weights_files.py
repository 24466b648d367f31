"""Weights against a Program, and files of them: whole, broken, of others, and hostile."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import stat
import struct

import numpy as np
import program_samples as samples
import pytest
import safetensors.numpy

import polydl as dl
from polydl.errors import PolydlError, ProgramError, WeightsError
from polydl.spec.initializers import initial_weights
from polydl.weights import check_weights, files, load, read_weights, save


@pytest.fixture(scope="module")
def program():
    return samples.tied()


@pytest.fixture
def weights(program):
    return initial_weights(program, seed=3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def same(a, b) -> bool:
    return list(a) == list(b) and all(
        a[k].dtype == b[k].dtype and np.array_equal(a[k], b[k], equal_nan=True) for k in a
    )


def refused(program, weights, *says: str) -> str:
    with pytest.raises(WeightsError) as raised:
        check_weights(program, weights, "here")
    text = str(raised.value)
    assert text.startswith("here: ")
    for part in says:
        assert part in text
    return text


# --- check_weights


def test_weights_that_fit(program, weights):
    assert same(check_weights(program, weights, ""), weights)
    backwards = dict(reversed(weights.items()))
    assert list(check_weights(program, backwards, "")) == list(program.entries)


@pytest.mark.parametrize(
    ("given", "kept"), [("f8", "f8"), ("f4", "f4"), ("f2", "f4"), (">f8", "f8"), (">f4", "f4")]
)
def test_float_types(program, weights, given, kept):
    weights["embed.table"] = weights["embed.table"].astype(given)
    checked = check_weights(program, weights, "")["embed.table"]
    assert checked.dtype == np.dtype(kept)
    assert np.array_equal(checked, weights["embed.table"])


def test_bfloat16_of_ml_dtypes(program, weights):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    weights["embed.table"] = weights["embed.table"].astype(ml_dtypes.bfloat16)
    assert check_weights(program, weights, "")["embed.table"].dtype == np.float32


def test_nan_is_let_through(program, weights):
    weights["embed.table"][0, 0] = np.nan
    assert np.isnan(check_weights(program, weights, "")["embed.table"][0, 0])


def test_everything_wrong_is_said_at_once(program, weights):
    del weights["blocks.1.inner.bias"], weights["norms.last.scale"]
    weights["blocks.1.inner.bais"] = np.zeros(8)
    weights["zzz"] = np.zeros(8)
    weights["embed.table"] = np.zeros((8, 11))
    weights["blocks.0.norm.mean"] = np.zeros(8, int)
    weights["blocks.0.norm.scale"] = object()
    text = refused(
        program,
        weights,
        "missing (2):",
        "'blocks.1.inner.bias' (8,)",
        "'norms.last.scale' (8,)",
        "not in the model (2):",
        "'blocks.1.inner.bais'. Did you mean 'blocks.1.inner.bias'?",
        "'zzz'\n",
        "wrong (3):",
        "'embed.table' has the shape (8, 11), the model's (11, 8)",
        "'blocks.0.norm.mean' is int64, the model's is float",
        "'blocks.0.norm.scale' is object",
    )
    assert text.count("\n") < 15


def test_each_mistake_alone_is_refused(program, weights):
    text = refused(program, {**weights, "zzz": np.zeros(1)}, "not in the model (1):")
    assert "missing" not in text
    assert "wrong" not in text
    path, array = weights.popitem()
    assert "not in the model" not in refused(program, weights, f"missing (1):\n    {path!r}")
    assert "missing" not in refused(program, {**weights, path: array[:1]}, "wrong (1):")


def test_long_lists_are_cut(program):
    given = {f"x{i}": np.zeros(1) for i in range(300)}
    text = refused(program, given, "not in the model (300):", "and 290 more", "missing (15):")
    assert text.count("\n") < 30


@pytest.mark.parametrize("junk", [None, [], 3, "weights.safetensors"])
def test_weights_are_a_mapping(program, junk):
    refused(program, junk, "are a dict of arrays")


def test_arrays_that_refuse_to_be_arrays(program, weights):
    class Refuses:
        def __array__(self, *_, **__):
            raise RuntimeError("call .detach() first")

    weights["embed.table"] = Refuses()
    refused(program, weights, "'embed.table' cannot be read as an array (call .detach() first)")


def test_aliases_lead_to_the_same_array(program, weights):
    path, alias = "blocks.0.inner.bias", "shared.inner.bias"
    weights[path] += 1
    renamed = {alias if name == path else name: array for name, array in weights.items()}
    assert same(check_weights(program, renamed, ""), weights)
    both = {**weights, alias: weights[path].copy()}
    assert same(check_weights(program, both, ""), weights)
    both[alias] = weights[path] + 1
    refused(program, both, "'shared.inner.bias' is 'blocks.0.inner.bias' under another name")


def test_ints_and_bools():
    class Counter(dl.Module):
        def __call__(self, x):
            self.state("count", (2,), dtype="int")
            self.state("seen", (), dtype="bool")
            return x

    counter = dl.trace(Counter(), dl.Input((None,)))
    good = {"count": np.array([1, -(2**31)]), "seen": np.array(True)}
    checked = check_weights(counter, good, "")
    assert checked["count"].dtype == np.int32
    assert checked["count"].tolist() == [1, -(2**31)]
    assert checked["seen"].dtype == np.bool_
    refused(counter, {**good, "count": np.array([1, 2**31])}, "do not fit into int32")
    refused(counter, {**good, "count": np.array([1, -(2**31) - 1])}, "do not fit into int32")
    refused(counter, {**good, "count": np.array([1.0, 2.0])}, "is float64, the model's is int")
    refused(counter, {**good, "count": np.array([True, False])}, "is bool, the model's is int")
    refused(counter, {**good, "seen": np.array(1)}, "is int64, the model's is bool")
    refused(counter, {**good, "seen": np.array([True])}, "has the shape (1,), the model's ()")


# --- files


def test_round_trip(program, weights, path):
    weights["blocks.0.norm.scale"] = np.arange(8, dtype="f4")
    save(path, program, weights)
    back, arrays = load(path)
    assert back == program
    assert same(arrays, weights)
    assert set(read_weights(path)) == set(weights)
    assert arrays["embed.table"].flags.writeable
    assert os.listdir(path.parent) == [path.name]


def test_other_dtypes_in_one_file(path):
    arrays = {
        "bool": np.array([True, False, True]),
        "f4": np.arange(6, dtype="f4").reshape(2, 3).T,
        "int": np.array(7, "i4"),
        "f8": np.arange(4.0),
        "big": np.arange(3, dtype=">f8"),
    }
    files.write_arrays(path, arrays, {"b": "2", "a": "1"})
    for read in (read_weights(path), safetensors.numpy.load_file(path)):
        for name, array in arrays.items():
            assert np.array_equal(read[name], array)
            assert read[name].dtype == array.dtype.newbyteorder("=")
            assert read[name].shape == array.shape
    with pytest.raises(WeightsError, match="complex"):
        files.write_arrays(path, {"x": np.zeros(1, complex)}, {})


def test_any_reader_of_safetensors_opens_it(program, weights, path):
    save(path, program, weights)
    assert set(safetensors.numpy.load_file(path)) == set(weights)
    with safetensors.safe_open(path, "np") as file:
        metadata = file.metadata()
    assert metadata == {"polydl.format": "1", "polydl.program": program.to_json()}


def test_the_same_model_gives_the_same_bytes(program, weights, path):
    save(path, program, weights)
    first = path.read_bytes()
    save(path, program, dict(reversed(weights.items())))
    assert path.read_bytes() == first
    assert struct.unpack("<Q", first[:8])[0] % 8 == 0  # arrays start aligned


def test_a_str_path_and_any_suffix(program, weights, tmp_path):
    save(str(tmp_path / "model"), program, weights)
    assert load(str(tmp_path / "model"))[0] == program


def test_files_of_others(path):
    arrays = {"a.weight": np.ones((2, 3), "f2"), "step": np.array([1, 2])}
    safetensors.numpy.save_file(arrays, path, metadata={"format": "pt"})
    program, read = load(path)
    assert program is None
    assert read["a.weight"].dtype == np.float16
    assert np.array_equal(read["step"], arrays["step"])


def test_files_without_metadata(path):
    safetensors.numpy.save_file({"a": np.ones(2)}, path)
    assert load(path)[0] is None


def write_raw(path, header: object, data: bytes = b"", length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


def test_bfloat16_becomes_float32(path):
    numbers = np.array([1.0, -2.5, 3e38, np.inf, 2.0**-130], "f4")
    upper = (numbers.view("u4") >> 16).astype("<u2")
    expected = (upper.astype("u4") << 16).view("f4")
    tail = np.arange(2, dtype="f4")
    header = {
        "b": {"dtype": "BF16", "shape": [5, 1], "data_offsets": [8, 18]},
        "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    }
    write_raw(path, header, tail.tobytes() + upper.tobytes())
    read = read_weights(path)
    assert read["b"].dtype == np.float32
    assert np.array_equal(read["b"], expected.reshape(5, 1))
    assert np.array_equal(read["a"], tail)


def test_types_that_numpy_lacks_are_named(path):
    write_raw(path, {"x": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}, b"12")
    with pytest.raises(WeightsError, match=r"safetensors: 'x' is F8_E4M3"):
        read_weights(path)


# --- broken and hostile files


def test_every_truncation_is_seen(program, weights, path):
    save(path, program, weights)
    whole = path.read_bytes()
    for length in [*range(0, 40), *range(40, len(whole), len(whole) // 60), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="no complete safetensors file"):
            load(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(WeightsError):
        load(path)


ARRAY = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ({"a": ARRAY}, 0),
        ({"a": ARRAY}, 5),
        ({"a": ARRAY}, 2**40),
        ({"a": ARRAY}, 2**63),
        ({"a": ARRAY}, 2**64 - 1),
        ({"a": {**ARRAY, "shape": [2]}}, None),
        ({"a": {**ARRAY, "shape": [2**62, 4]}}, None),
        ({"a": {**ARRAY, "shape": [-1]}}, None),
        ({"a": {**ARRAY, "data_offsets": [0, 400]}}, None),
        ({"a": {**ARRAY, "data_offsets": [4, 0]}}, None),
        ({"a": {**ARRAY, "dtype": "OBJECT"}}, None),
        ({"a": ARRAY, "b": ARRAY}, None),
        ({"a": 1}, None),
        ([], None),
        (b"{", None),
        (b"[" * 100_000, None),
        (b"\xff\xfe", None),
        ({"__metadata__": {"polydl.format": 1}, "a": ARRAY}, None),
        ({"__metadata__": [], "a": ARRAY}, None),
    ],
)
def test_headers_that_lie(path, header, length):
    write_raw(path, header, b"1234", length)
    with pytest.raises(WeightsError, match="no complete safetensors file"):
        load(path)


def test_what_is_no_safetensors_file(path, tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        load(tmp_path / "nowhere.safetensors")
    with pytest.raises(WeightsError, match="no such file"):
        load(tmp_path)
    for content in (
        b"PK\x03\x04" * 100,
        pickle.dumps(PickleBomb()),
        b"\x93NUMPY\x01\x00" + b" " * 99,
    ):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="no complete safetensors file"):
            load(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(WeightsError):
        load(path.with_suffix(".npy"))


class PickleBomb:
    def __reduce__(self):
        return (pytest.fail, ("a file was unpickled",))


def rewrite(path, change) -> None:
    """Change the metadata of a file that is otherwise kept."""
    with safetensors.safe_open(path, "np") as file:
        metadata = dict(file.metadata())
    arrays = read_weights(path)
    change(metadata)
    files.write_arrays(path, arrays, metadata)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda m: m.update({"polydl.format": "2"}), WeightsError, "polydl.format is '2'"),
        (lambda m: m.pop("polydl.format"), WeightsError, "polydl.format is None"),
        (lambda m: m.pop("polydl.program"), ProgramError, "not the JSON"),
        (lambda m: m.update({"polydl.program": "{}"}), ProgramError, 'no "format"'),
        (lambda m: m.update({"polydl.program": "[" * 10**6}), ProgramError, "nested"),
        (
            lambda m: m.update(
                {"polydl.program": m["polydl.program"].replace("Tied", "a;import os")}
            ),
            ProgramError,
            "a;import os",
        ),
    ],
)
def test_malformed_metadata(program, weights, path, change, error, says):
    save(path, program, weights)
    rewrite(path, change)
    with pytest.raises(error, match=says) as raised:
        load(path)
    assert str(path) in str(raised.value)


def test_weights_of_another_model(program, weights, path, tmp_path):
    save(path, program, weights)
    other = samples.tied(3)
    with pytest.raises(WeightsError, match=r"missing \(6\)") as raised:
        check_weights(other, read_weights(path), str(path))
    assert "blocks.2.norm.scale" in str(raised.value)
    # a file whose Program and weights are of two models
    rewrite(path, lambda m: m.update({"polydl.program": other.to_json()}))
    with pytest.raises(WeightsError, match=r"missing \(6\)"):
        load(path)


def test_a_damaged_file_raises_nothing_else(program, weights, path):
    save(path, program, weights)
    whole = path.read_bytes()
    draw = np.random.default_rng(0)
    for _ in range(100):
        damaged = bytearray(whole)
        for at in draw.integers(0, min(len(whole), 3000), 3):
            damaged[at] = draw.integers(0, 256)
        path.write_bytes(damaged)
        try:
            load(path)
        except PolydlError:
            continue


# --- writing


def test_what_does_not_fit_is_not_written(program, weights, path):
    path.write_bytes(b"before")
    bad = {**weights, "embed.table": np.zeros(3)}
    with pytest.raises(WeightsError, match="save to"):
        save(path, program, bad)
    broken = dataclasses.replace(program, aliases={"a b": "embed"})
    with pytest.raises(ProgramError):
        save(path, broken, weights)
    assert path.read_bytes() == b"before"


def test_a_write_that_fails_leaves_the_old_file(program, weights, path, monkeypatch):
    save(path, program, weights)
    before = path.read_bytes()

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    weights["embed.table"] += 1
    with pytest.raises(WeightsError, match="no space left"):
        save(path, program, weights)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_the_disk_has_it_before_the_name_does(program, weights, path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda d: (calls.append("fsync"), fsync(d)))
    monkeypatch.setattr(files.os, "replace", lambda *a: (calls.append("replace"), replace(*a)))
    save(path, program, weights)
    assert calls[:2] == ["fsync", "replace"]


def test_places_that_cannot_be_written(program, weights, tmp_path):
    for place in (tmp_path / "nowhere" / "m.safetensors", tmp_path):
        with pytest.raises(WeightsError, match="cannot be written"):
            save(place, program, weights)
    assert os.listdir(tmp_path) == []


def test_a_link_stays_a_link(program, weights, path, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    path.symlink_to(folder / "real.safetensors")
    save(path, program, weights)
    save(path, program, weights)
    assert path.is_symlink()
    assert os.listdir(folder) == ["real.safetensors"]
    assert load(path)[0] == program


def test_the_file_is_as_readable_as_others(program, weights, path, tmp_path):
    (tmp_path / "other").write_bytes(b"")
    save(path, program, weights)
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (path, tmp_path / "other")]
    assert modes[0] == modes[1]
