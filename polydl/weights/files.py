"""Weights in a safetensors file, with the Program in its metadata. Reading one runs nothing."""

from __future__ import annotations

import json
import os
import secrets
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open

from polydl.errors import ProgramError, WeightsError
from polydl.program.json import from_json, to_json
from polydl.program.names import shown
from polydl.program.types import Program
from polydl.program.verify import verify
from polydl.weights.check import check_weights

PROGRAM_KEY = "polydl.program"
RUN_KEY = "polydl.run"  # of a checkpoint: what is no array of its state
RUN_PREFIX = "run:"  # of its arrays that are no weights; no canonical path begins so
SUMS_KEY = "polydl.sums"  # of a checkpoint's arrays, by name
FORMAT_KEY = "polydl.format"
FILE_FORMAT = "1"

AnyPath = str | os.PathLike[str]

_CODES = {"float64": "F64", "float32": "F32", "int32": "I32", "bool": "BOOL"}
_RUN_CODES = _CODES | {"uint8": "U8", "uint32": "U32", "int64": "I64", "uint64": "U64"}
_READ = ("F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL")


def save(path: AnyPath, program: Program, weights: Mapping[str, Any]) -> None:
    """Write a Program and its weights to one safetensors file; any reader of the format opens it.

    A file at `path` is replaced in one step, and only by a complete one. The same Program and
    weights give the same bytes. Raises WeightsError for weights that do not fit, ProgramError for a
    Program that could not be read back.
    """
    verify(program)
    arrays = check_weights(program, weights, f"save to {os.fspath(path)}")
    write_arrays(path, arrays, {FORMAT_KEY: FILE_FORMAT, PROGRAM_KEY: to_json(program)})


def load(path: AnyPath) -> tuple[Program | None, dict[str, np.ndarray]]:
    """The Program, verified, and the weights that fit it; None and all arrays where there is none.

    Raises WeightsError for a file that is no safetensors file or does not hold the Program's
    weights, ProgramError for a Program that is malformed. Safe for files from anywhere.
    """
    metadata, arrays = _read(path)
    program = _program(path, metadata)
    if program is None:
        return None, arrays
    return program, check_weights(program, _weights_of(metadata, arrays), os.fspath(path))


def _program(path: AnyPath, metadata: Mapping[str, str]) -> Program | None:
    if PROGRAM_KEY not in metadata and FORMAT_KEY not in metadata:
        return None
    if metadata.get(FORMAT_KEY) != FILE_FORMAT:
        raise WeightsError(
            f"{os.fspath(path)}: its {FORMAT_KEY} is {shown(metadata.get(FORMAT_KEY))}, this "
            f"polydl reads {FILE_FORMAT!r}. Use the polydl that wrote it"
        )
    try:
        return from_json(metadata.get(PROGRAM_KEY, ""))
    except ProgramError as error:
        raise ProgramError(f"{os.fspath(path)}: {error}") from None


def _weights_of(
    metadata: Mapping[str, str], arrays: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Without what a checkpoint holds besides them."""
    if RUN_KEY not in metadata:
        return arrays
    return {name: v for name, v in arrays.items() if not name.startswith(RUN_PREFIX)}


def save_run(
    path: AnyPath,
    program: Program,
    weights: Mapping[str, Any],
    run: Mapping[str, np.ndarray],
    text: str,
) -> None:
    """Write a checkpoint: like `save`, with more arrays (under RUN_PREFIX) and a text about them."""
    arrays = check_weights(program, weights, f"save to {os.fspath(path)}") | dict(run)
    sums = json.dumps({name: word_sum(array) for name, array in arrays.items()})
    metadata = {FORMAT_KEY: FILE_FORMAT, PROGRAM_KEY: to_json(program), RUN_KEY: text}
    metadata[SUMS_KEY] = sums
    write_arrays(path, arrays, metadata, _RUN_CODES)


def read_run(
    path: AnyPath,
) -> tuple[Program, dict[str, np.ndarray], dict[str, np.ndarray], str]:
    """(Program, weights, other arrays without the prefix, the text about them) of a checkpoint."""
    metadata, arrays = _read(path)
    program = _program(path, metadata)
    if program is None or RUN_KEY not in metadata:
        raise WeightsError(f"{os.fspath(path)} is no checkpoint of a training run")
    weights = check_weights(program, _weights_of(metadata, arrays), os.fspath(path))
    named = {n.removeprefix(RUN_PREFIX): v for n, v in arrays.items() if n.startswith(RUN_PREFIX)}
    return program, weights, named, metadata[RUN_KEY]


def read_weights(path: AnyPath) -> dict[str, np.ndarray]:
    """The arrays of any safetensors file by name; of a checkpoint, its weights. bfloat16 is float32.

    Raises WeightsError for a file that cannot be read.
    """
    return _weights_of(*_read(path))


def write_arrays(
    path: AnyPath,
    arrays: Mapping[str, np.ndarray],
    metadata: Mapping[str, str],
    codes: Mapping[str, str] = _CODES,
) -> None:
    """Write arrays (float64, float32, int32 or bool) and metadata as one safetensors file.

    Not with the safetensors library, which puts metadata in another order each time.
    """
    largest_first = sorted(arrays, key=lambda name: -arrays[name].dtype.itemsize)  # keeps alignment
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name in largest_first:
        array = arrays[name]
        if array.dtype.name not in codes:
            raise WeightsError(f"{shown(name)} is {array.dtype}; use one of {', '.join(codes)}")
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": codes[array.dtype.name],
            "shape": array.shape,
            "data_offsets": (start, end),
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with _replacing(path) as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for name in largest_first:
            array = arrays[name]
            little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
            file.write(little.reshape(-1).view(np.uint8).data)


@contextmanager
def _replacing(path: AnyPath) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` once it is complete and on the disk."""
    target = Path(os.path.realpath(path))  # a link stays, what it leads to is replaced
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.partial")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        raise WeightsError(f"{os.fspath(path)} cannot be written: {error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(path: AnyPath) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Metadata and arrays. The safetensors library checks the header against the file."""
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise WeightsError(f"{name}: there is no such file")
    try:
        with safe_open(name, framework="np") as file:
            codes = {key: file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118
            brain_floats = [key for key, code in codes.items() if code == "BF16"]
            unknown = {k: c for k, c in codes.items() if c not in _READ and c != "BF16"}
            if unknown:
                key, code = next(iter(unknown.items()))
                raise WeightsError(f"{name}: {shown(key)} is {code}, which NumPy has no type for")
            arrays = {key: file.get_tensor(key) for key in codes if key not in brain_floats}
            metadata = file.metadata() or {}
        if brain_floats:
            arrays.update(_read_brain_floats(name, brain_floats))
    except (SafetensorError, OSError, ValueError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{name} is no complete safetensors file: {error}") from error
    _check_sums(name, metadata, arrays)
    return metadata, {key: arrays[key] for key in codes}


def word_sum(array: np.ndarray) -> int:
    """The sum of an array's bytes, eight at a time, modulo 2^64: it takes a fiftieth of writing them.

    Changed bytes change it. A CRC takes a sixth.
    """
    little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
    bytes_ = little.reshape(-1).view(np.uint8)
    whole = len(bytes_) // 8 * 8
    words = bytes_[:whole].view("<u8").sum(dtype=np.uint64)
    return (int(words) + int.from_bytes(bytes_[whole:].tobytes(), "little")) % 2**64


def _check_sums(name: str, metadata: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> None:
    """Raise WeightsError for an array that is not as it was written, where the file says how."""
    if SUMS_KEY not in metadata:
        return
    try:
        sums = dict(json.loads(metadata[SUMS_KEY]))
    except (ValueError, TypeError) as error:
        raise WeightsError(f"{name}: its {SUMS_KEY} cannot be read: {error}") from None
    for key, array in arrays.items():
        if sums.get(key) != word_sum(array):
            raise WeightsError(f"{name}: {shown(key)} holds other numbers than were written")


def _read_brain_floats(name: str, keys: list[str]) -> dict[str, np.ndarray]:
    """bfloat16 arrays, which NumPy lacks, as float32: the same number with 16 more bits of zeros.

    The header has been checked by then.
    """
    found = {}
    with open(name, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        for key in keys:
            start, end = header[key]["data_offsets"]
            file.seek(8 + length + start)
            upper = np.frombuffer(file.read(end - start), "<u2").astype(np.uint32)
            found[key] = (upper << 16).view(np.float32).reshape(header[key]["shape"])
    return found
