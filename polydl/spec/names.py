"""The author's own names for values: local variables and parameters, read off the code that runs.

When `h = dl.relu(x)` runs, the instruction after the call stores into `h`. That name is worth
keeping: it makes the emitted program read like the definition it came from.
"""

from __future__ import annotations

import dis
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

from polydl.program.types import Structure
from polydl.spec.tensor import Tensor

_STORES = {"STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL"}
_PAIRS = {"STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST"}  # Python 3.13 fuses two instructions
_DEPTH = 12
_RETURNED = ("return",)  # in place of names: the value is returned


def assigned_names(frame: FrameType | None, code: CodeType | None) -> tuple[str, ...]:
    """Names that the running statement of the nearest author's frame assigns to, if any.

    Looks outwards from `frame` for the body being traced (`code`), or for any code that is not
    part of the tracer. What an author's own helper returns has the name that its caller gives it.
    """
    for _ in range(_DEPTH):
        if frame is None:
            return ()
        if frame.f_code is code or not _is_tracer(frame.f_globals.get("__name__", "")):
            names = _stores(frame.f_code).get(frame.f_lasti, ())
            caller = frame.f_back
            if names != _RETURNED or frame.f_code is code or caller is None:
                return () if names == _RETURNED else names
            if _is_tracer(caller.f_globals.get("__name__", "")):
                return ()
        frame = frame.f_back
    return ()


def _is_tracer(module: str) -> bool:
    return module.startswith("polydl.spec.") or module == "polydl.ops"


@lru_cache(maxsize=4096)
def _stores(code: CodeType) -> dict[int, tuple[str, ...]]:
    instructions = list(dis.get_instructions(code))
    found: dict[int, tuple[str, ...]] = {}
    for position, instruction in enumerate(instructions):
        names = _names_after(instructions, position + 1)
        if names:
            end = instructions[position + 1].offset
            # a running call's offset lies anywhere in its inline cache
            found.update(dict.fromkeys(range(instruction.offset, end, 2), names))
    return found


def _names_after(instructions: list[Any], position: int) -> tuple[str, ...]:
    if position >= len(instructions):
        return ()
    wanted = 1
    if instructions[position].opname == "COPY":  # of `(name := value)` and `name = other = value`
        position += 1
    if instructions[position].opname == "RETURN_VALUE":
        return _RETURNED
    if instructions[position].opname == "UNPACK_SEQUENCE":
        wanted = instructions[position].argval
        position += 1
    names: list[str] = []
    while len(names) < wanted and position < len(instructions):
        instruction = instructions[position]
        if instruction.opname in _STORES:
            names.append(instruction.argval)
        elif instruction.opname in _PAIRS:
            pair = instruction.argval
            names += pair if instruction.opname.endswith("STORE_FAST_STORE_FAST") else pair[:1]
        else:
            break
        position += 1
    return tuple(names[:wanted]) if len(names) >= wanted else ()


def argument_names(
    code: CodeType | None, is_method: bool, leaves: list[Any], structure: Structure
) -> list[str]:
    """Names for a Block's inputs: its parameters' names, numbered where one holds several."""
    parameters = list(code.co_varnames[int(is_method) : code.co_argcount]) if code else []
    _, (args, kwargs) = structure
    names: list[str] = []
    for i, part in enumerate(args[1]):
        name = parameters[i] if i < len(parameters) else f"x{i}"
        names += _leaf_names(name, part)
    for name, part in kwargs[1].items():
        names += _leaf_names(name, part)
    return [name for name, leaf in zip(names, leaves, strict=True) if isinstance(leaf, Tensor)]


def _leaf_names(name: str, structure: Structure) -> list[str]:
    if structure is None:
        return [name]
    kind, parts = structure
    pairs = parts.items() if kind == "dict" else enumerate(parts)
    return [leaf for key, part in pairs for leaf in _leaf_names(f"{name}_{key}", part)]
