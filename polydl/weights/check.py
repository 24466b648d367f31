"""Do arrays fit a Program? All that is wrong is said at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from polydl.errors import WeightsError
from polydl.program.names import shown
from polydl.program.types import Entry, Program

_SHOWN = 10  # of each kind of mistake
_SEARCHED = 500  # names among which a misspelt one is looked up
_INT32 = np.iinfo(np.int32)


def check_weights(
    program: Program, weights: Mapping[str, Any], where: str
) -> dict[str, np.ndarray]:
    """The arrays by canonical path, in the Program's order, one for each Entry.

    weights: an array for each Entry, under its path or an alias of it. float64 stays as it is,
    other floats become float32, ints int32. NaN is let through. Arrays are not copied without need.

    Raises WeightsError, which starts with `where` and names every Entry without an array, array
    without an Entry, wrong shape and wrong dtype.
    """
    if not isinstance(weights, Mapping):
        raise WeightsError(f"{where}: weights are a dict of arrays, got {type(weights).__name__}")
    canonical = {alias: e.path for e in program.entries.values() for alias in (e.path, *e.aliases)}
    found: dict[str, np.ndarray | None] = {}  # None: given, but wrong
    wrong: list[str] = []
    extra: list[str] = []
    for name, given in weights.items():
        path = canonical.get(name)
        if path is None:
            extra.append(name)
            continue
        before = found.get(path)
        try:
            array = found[path] = _fitting(program.entries[path], given)
        except WeightsError as error:
            wrong.append(f"{shown(name)} {error}")
            found[path] = None
            continue
        if before is not None and not np.array_equal(before, array, equal_nan=True):
            wrong.append(f"{shown(name)} is {shown(path)} under another name, with other values")
    missing = [path for path in program.entries if path not in found]
    _report(program, where, missing, extra, wrong)
    return {path: fit for path in program.entries if (fit := found[path]) is not None}


def _fitting(entry: Entry, given: Any) -> np.ndarray:
    """`given` as an array of the Entry's shape and dtype. Raises WeightsError: "is int64, ..."."""
    try:
        array = np.asarray(given)
    except Exception as error:  # whatever another library's array has to say
        raise WeightsError(f"cannot be read as an array ({error})") from None
    if array.dtype.name == "bfloat16":  # of ml_dtypes: no float to NumPy
        array = array.astype(np.float32)
    kinds = {"float": "f", "int": "iu", "bool": "b"}[entry.dtype]
    if array.dtype.kind not in kinds:
        raise WeightsError(f"is {array.dtype}, the model's is {entry.dtype}")
    if array.shape != entry.shape:
        raise WeightsError(f"has the shape {array.shape}, the model's {entry.shape}")
    if entry.dtype == "float":
        return array.astype(np.float64 if array.itemsize > 4 else np.float32, copy=False)
    if entry.dtype == "int":
        if not (_INT32.min <= array.min() and array.max() <= _INT32.max):
            raise WeightsError("has integers that do not fit into int32")
        return array.astype(np.int32, copy=False)
    return array


def _report(
    program: Program, where: str, missing: list[str], extra: list[str], wrong: list[str]
) -> None:
    """Raise WeightsError if anything is missing, too much or wrong."""
    if not (missing or extra or wrong):
        return
    entries = program.entries
    lines = [f"{where}: these weights do not fit the model."]
    lines += _section("missing", [f"{shown(p)} {entries[p].shape}" for p in missing])
    candidates = (missing or list(entries))[:_SEARCHED]
    lines += _section(
        "not in the model",
        [shown(n) + _suggestion(str(n), candidates) for n in extra[:_SHOWN]],
        len(extra),
    )
    lines += _section("wrong", wrong)
    raise WeightsError("\n".join(lines))


def _section(title: str, items: Sequence[str], count: int | None = None) -> list[str]:
    count = len(items) if count is None else count
    if not count:
        return []
    lines = [f"  {title} ({count}):", *(f"    {item}" for item in items[:_SHOWN])]
    return [*lines, f"    and {count - _SHOWN} more"] if count > _SHOWN else lines


def _suggestion(name: str, candidates: list[str]) -> str:
    close = get_close_matches(name[:200], candidates, n=1)
    return f". Did you mean {close[0]!r}?" if close else ""
